/** The end of the story. */
import type { Facts } from '../facts.ts';
import { indent, wrap } from '../text.ts';

const NEXT = `helm install uwsgi-tuner charts/uwsgi-tuner --create-namespace \\
  -n uwsgi-tuner-system --set image.repository=REPOSITORY,image.tag=TAG
kubectl apply -f tuning.yaml   # a UwsgiTuning; mode Recommend only reads
kubectl get uwt`;

export function renderClosing(facts: Pick<Facts, 'tunings'>): string {
  return [
    wrap('Both tunings at the end (kubectl get uwt):'),
    '\n',
    indent(facts.tunings.trimEnd(), '    '),
    '\n\n',
    wrap(
      'The demo opened the gates that otherwise hold a change back: samples wanted, time of observation, length of the ' +
        'watch. Confidence grows with days of samples. On your cluster:',
    ),
    '\n',
    indent(NEXT, '    '),
    '\n',
  ].join('');
}

export function renderTotal(seconds: number): string {
  return wrap(`All of this happened in this run, in ${seconds.toFixed(0)} s.`);
}
