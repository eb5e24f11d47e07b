/** Everything that is fuzzed. */
import type { Subject } from './subject.ts';
import { captures } from './subjects/captures.ts';
import { configs } from './subjects/configs.ts';
import { log } from './subjects/log.ts';
import { savedSamples } from './subjects/saved-samples.ts';
import { statuses } from './subjects/status.ts';
import { views } from './subjects/views.ts';

export const SUBJECTS: readonly Subject[] = [captures, configs, statuses, log, views, savedSamples];
