import { describe, expect, it } from 'vitest';
import { MARK, readRecorded, renderRecorded, renderRecordedEdit } from '../../scripts/demo/recorded.ts';
import { PLAIN, WIDTH } from '../../scripts/demo/text.ts';

const recorded = readRecorded();
const [blog, modern] = recorded;
const text = recorded.map((each) => renderRecorded(each, PLAIN));

describe('the offline part', () => {
  it('says of each capture that it is recorded, which file it is and what that file is', () => {
    expect(text.every((part) => part.startsWith(MARK))).toBe(true);
    expect(text[0]).toContain('test/fixtures/captures/4x100.capture.gz');
    expect(text[0]).toContain("the blog's shape");
  });

  it("shows the blog's stacks from the capture itself", () => {
    expect(blog?.analysis.totals.stackCount).toBe(396);
    expect(text[0]).toMatch(/8192K +3168Mi +measured +3\.2 GB$/m);
    expect(text[0]).toMatch(/64K +24\.8Mi +calculated +25 MB +remote crash \[\d\]$/m);
    expect(text[0]).toMatch(
      /^ {4}[0-9a-f]{16} {3}8192K rw--- {3}\[ anon \]\n {4}[0-9a-f]{16} {6}4K ----- {3}\[ anon \]$/m,
    );
  });

  it('shows a runtime that fails requests where an older one dies', () => {
    expect(modern?.analysis.platform.python).toEqual({ major: 3, minor: 14 });
    expect(text[1]).toContain('error [');
    expect(text[1]).not.toContain('remote crash');
  });

  it('fits 80 columns', () => {
    const lines = text.join('').split('\n');

    expect(lines.filter((line) => line.length > WIDTH)).toEqual([]);
  });

  it('computes the edit and says that nothing is written', () => {
    if (blog === undefined) throw new Error('no capture');
    const edit = renderRecordedEdit(blog, PLAIN).replace(/\s+/g, ' ');

    expect(edit).toContain('+threads-stacksize = 512');
    expect(edit).toContain('nothing written');
    expect(edit).toContain('Not shown here, because it needs a cluster');
  });
});
