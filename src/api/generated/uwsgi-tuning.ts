/* Generated from crds/uwsgi-tuner.dev_uwsgitunings.yaml by "npm run generate". Do not edit. */
import type {ObjectMeta} from '../object-meta.ts';

/**
 * UwsgiTuning measures the uWSGI pods of one workload, recommends processes, threads and the thread stack size for their memory limit and, when told to, edits the ConfigMap that carries the uWSGI config.
 */
export interface UwsgiTuningObject {
  /**
   * Version of this object's schema, uwsgi-tuner.dev/v1alpha1.
   */
  apiVersion?: string;
  /**
   * Kind of this object, UwsgiTuning.
   */
  kind?: string;
  metadata?: ObjectMeta;
  /**
   * What to measure, how to size it and what may be written.
   */
  spec: {
    /**
     * The workload in this namespace whose pods run uWSGI.
     */
    targetRef: {
      /**
       * API version of the workload, apps/v1.
       */
      apiVersion: 'apps/v1';
      /**
       * Kind of the workload.
       */
      kind: 'Deployment';
      /**
       * Name of the workload.
       */
      name: string;
    };
    /**
     * The container that runs uWSGI. Needed only where several containers of the pod run it.
     */
    containerName?: string;
    /**
     * Where the uWSGI config is.
     */
    config: {
      /**
       * The ConfigMap in this namespace that carries the uWSGI config, and its key.
       */
      configMapRef: {
        /**
         * Name of the ConfigMap.
         */
        name: string;
        /**
         * Key of the config text in the ConfigMap's data.
         */
        key: string;
      };
      /**
       * Dialect of the config text. Left out, the key's suffix decides as it does for uWSGI; Ini for any other.
       */
      format?: 'Ini' | 'Yaml' | 'Json' | 'Xml';
      /**
       * Section of the config text that uWSGI reads.
       */
      section?: string;
    };
    /**
     * What may be written, and how carefully.
     */
    updatePolicy?: {
      /**
       * Recommend writes only this object's status. Patch edits the option lines in the ConfigMap's key and rolls the workload out.
       */
      mode?: 'Recommend' | 'Patch';
      /**
       * How pods get the new config. Restart sets the annotation uwsgi-tuner.dev/config-hash on the pod template.
       */
      rollout?: 'Restart';
      /**
       * Stops new changes. A change that was already rolled out is guarded to its verdict.
       */
      suspend?: boolean;
      /**
       * Least time between two changes of this workload, a duration such as 1h or 30m, at most 8760h.
       */
      minInterval?: string;
      /**
       * Smallest change worth a rollout, in percent of the largest relative change of processes, threads or stack size. Being over the memory budget is always worth it.
       */
      minChangePercent?: number;
      /**
       * Time in which the rollout must complete, else the old config is put back. A duration from 1s to 24h.
       */
      rolloutTimeout?: string;
      /**
       * Time after the rollout in which evidence of harm puts the old config back. A duration of at most 168h.
       */
      verifyWindow?: string;
    };
    /**
     * PreserveConcurrency keeps processes x threads where they fit. MaximizeConcurrency raises processes at the same threads up to bounds.processes.max.
     */
    objective?: 'PreserveConcurrency' | 'MaximizeConcurrency';
    /**
     * Limits of what may be recommended. What is left out is unbounded.
     */
    bounds?: {
      /**
       * Bounds of the number of worker processes.
       */
      processes?: {
        /**
         * Fewest worker processes.
         */
        min?: number;
        /**
         * Most worker processes.
         */
        max?: number;
      };
      /**
       * Bounds of the number of threads in each worker.
       */
      threads?: {
        /**
         * Fewest threads in each worker.
         */
        min?: number;
        /**
         * Most threads in each worker.
         */
        max?: number;
      };
      /**
       * Bounds of the size of one thread's stack.
       */
      threadStackSize?: {
        /**
         * Smallest stack, a quantity of bytes such as 512Ki, at most 1Gi.
         */
        min?: number | string;
        /**
         * Largest stack, a quantity of bytes such as 8Mi, from 16Ki to 1Gi.
         */
        max?: number | string;
        /**
         * Lets min undercut the language runtime's floor: your own risk, a request can then crash a worker. Never undercuts the C library's minimum or the measured high-water mark with its margin. Ends for an image on which a stack fails.
         */
        allowBelowFloor?: boolean;
      };
      /**
       * Which values may be changed. The others stay as they run.
       *
       * @minItems 1
       * @maxItems 3
       */
      controlled?: ('Processes' | 'Threads' | 'ThreadStackSize')[];
    };
    /**
     * How the memory limit is spent.
     */
    memory?: {
      /**
       * Part of the limit that stays unspent, in percent.
       */
      headroomPercent?: number;
      /**
       * What one thread's stack is charged with. HighWater is the measured high-water mark with its margin, Reserved the whole stack.
       */
      stackCharge?: 'HighWater' | 'Reserved';
      /**
       * Memory limit to size for, a quantity of bytes from 1Mi to 64Ti. The smallest of this, the container's cgroup and the pod template counts.
       */
      limit?: number | string;
    };
    /**
     * How pods are measured.
     */
    sampling?: {
      /**
       * Time between two samples, a duration from 5s to 24h.
       */
      interval?: string;
      /**
       * Pods measured in one round, spread over nodes and ages.
       */
      maxPods?: number;
      /**
       * Samples needed before a change. A recommendation is shown from the first.
       */
      minSamples?: number;
      /**
       * Time of observation needed before a change, a duration of at most 8760h.
       */
      minObservation?: string;
      /**
       * Deadline of one measurement of one pod, a duration from 1s to 2m.
       */
      timeout?: string;
    };
  };
  /**
   * What was measured, computed and done. Written by the operator alone.
   */
  status?: {
    /**
     * Generation of the spec that this status speaks of.
     */
    observedGeneration?: number;
    /**
     * Ready, Reconciling, Stalled, RecommendationProvided and Applied, by the kstatus convention.
     *
     * @maxItems 16
     *
     * Items: One aspect of the state.
     */
    conditions?: {
      /**
       * Name of the aspect.
       */
      type: string;
      /**
       * True or False or Unknown.
       */
      status: 'True' | 'False' | 'Unknown';
      /**
       * Generation of the spec that was looked at.
       */
      observedGeneration?: number;
      /**
       * When the status last changed.
       */
      lastTransitionTime: string;
      /**
       * Why in one CamelCase word.
       */
      reason: string;
      /**
       * Why in a sentence for people.
       */
      message: string;
    }[];
    /**
     * What runs now, from measurement.
     */
    current?: {
      /**
       * Worker processes, a count.
       */
      processes?: number;
      /**
       * Threads in each worker, a count.
       */
      threads?: number;
      /**
       * Size of one thread's stack, a quantity of bytes.
       */
      threadStackSize?: number | string;
      /**
       * The three values as text.
       */
      summary?: string;
      /**
       * The thread stacks as mapped in the newest sample of one pod.
       */
      threadStacks?: {
        /**
         * Stacks in each worker: one less than threads, a count.
         */
        perWorker?: number;
        /**
         * Address space of all thread stacks of one pod, a quantity of bytes.
         */
        mapped?: number | string;
        /**
         * Memory really used by all thread stacks of one pod, a quantity of bytes.
         */
        resident?: number | string;
        /**
         * Deepest use of any thread stack seen on this image, a quantity of bytes.
         */
        highWater?: number | string;
        /**
         * Resident memory of thread stacks in huge pages in one pod, a quantity of bytes.
         */
        hugePages?: number | string;
      };
    };
    /**
     * The memory limit that was sized for.
     */
    limit?: {
      /**
       * Memory limit of the container, a quantity of bytes.
       */
      limit?: number | string;
      /**
       * Where the limit comes from: override, cgroup or template.
       */
      source?: string;
      /**
       * The limit less head room, a quantity of bytes; the lines of the budget add up to at most this.
       */
      budget?: number | string;
    };
    /**
     * The largest safe configuration inside the memory limit.
     */
    recommendation?: {
      /**
       * Worker processes, a count.
       */
      processes?: number;
      /**
       * Threads in each worker, a count.
       */
      threads?: number;
      /**
       * Size of one thread's stack, a quantity of bytes.
       */
      threadStackSize?: number | string;
      /**
       * The three values as text.
       */
      summary?: string;
      /**
       * The recommendation as it would be without bounds.
       */
      uncapped?: {
        /**
         * Worker processes, a count.
         */
        processes?: number;
        /**
         * Threads in each worker, a count.
         */
        threads?: number;
        /**
         * Size of one thread's stack, a quantity of bytes.
         */
        threadStackSize?: number | string;
        /**
         * The three values as text.
         */
        summary?: string;
      };
      /**
       * From 0.00 to 1.00; grows with samples and days.
       */
      confidence?: string;
      /**
       * Memory that one pod is expected to use under the same load, without file cache, a quantity of bytes.
       */
      expectedMemory?: number | string;
      /**
       * Which rule set the stack size.
       */
      stackDecidedBy?: string;
      /**
       * Why these values, sentences with numbers and units.
       *
       * @maxItems 16
       */
      reasons?: string[];
    };
    /**
     * The lines of the sum, for one pod.
     *
     * @maxItems 24
     *
     * Items: One line of the sum.
     */
    budget?: {
      /**
       * What the memory is for.
       */
      name: string;
      /**
       * Charged bytes.
       */
      bytes?: number;
      /**
       * Expected bytes under the same load.
       */
      expectedBytes?: number;
      /**
       * Where the figure comes from: default, user, measured or calculated.
       */
      provenance?: string;
    }[];
    /**
     * What the recommendation saves in one pod, in two numbers that must not be confused.
     */
    savings?: {
      /**
       * Address space saved, a quantity of bytes. The memory limit does not charge it.
       */
      mapped?: number | string;
      /**
       * Memory saved, a quantity of bytes. The memory limit charges it.
       */
      resident?: number | string;
    };
    /**
     * Memory of one pod if every stack were touched to its end, a quantity of bytes.
     */
    worstCase?: number | string;
    /**
     * What the pods showed; a bounded digest that survives restarts.
     */
    sample?: {
      /**
       * How much could be read: smaps or status.
       */
      tier?: string;
      /**
       * Why not more could be read.
       */
      tierReason?: string;
      /**
       * When the newest sample in this status was taken.
       */
      time?: string;
      /**
       * Pods in the newest round, a count.
       */
      pods?: number;
      /**
       * Kernel, architecture, C library and Python of the pods.
       */
      platform?: string;
      /**
       * Memory of the largest sampled pod without file cache, a quantity of bytes.
       */
      memoryUsed?: number | string;
      /**
       * History of the samples, bounded; it survives restarts of the operator.
       */
      digest?: {
        /**
         * One history per image, the running image first.
         *
         * @maxItems 3
         *
         * Items: Samples of one image.
         */
        images?: {
          /**
           * The image; the last 160 characters of a longer name.
           */
          image: string;
          /**
           * Samples, a count.
           */
          samples?: number;
          /**
           * Time in which samples came at least hourly in milliseconds.
           */
          observedMs?: number;
          /**
           * When the newest sample was added in milliseconds since the epoch.
           */
          lastSeen?: number;
          /**
           * How much the newest sample could see: smaps or status.
           */
          tier?: string;
          /**
           * The deepest touch of any thread stack in bytes; null when it could not be measured.
           */
          stackHighWater?: number | null;
          /**
           * The most memory of one pod without file cache in bytes; null when unknown.
           */
          peak?: number | null;
          /**
           * Processes killed for memory, a count.
           */
          oomKills?: number;
          /**
           * Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.
           */
          master?: string;
          /**
           * Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.
           */
          forkShared?: string;
          /**
           * Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.
           */
          others?: string;
          /**
           * Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.
           */
          tmpfs?: string;
          /**
           * Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.
           */
          fileCache?: string;
          /**
           * One entry per count of threads that was measured, the running one first.
           *
           * @maxItems 4
           *
           * Items: Samples of one count of threads.
           */
          points?: {
            /**
             * Threads in each worker, a count.
             */
            threads: number;
            /**
             * Workers in the newest sample, a count.
             */
            processes: number;
            /**
             * Samples, a count.
             */
            samples?: number;
            /**
             * When the newest sample was added in milliseconds since the epoch.
             */
            lastSeen?: number;
            /**
             * The most threads of one worker that ever worked, a count; null when unknown.
             */
            busyThreads?: number | null;
            /**
             * A change to this count of threads was verified.
             */
            verified?: boolean;
            /**
             * Size of a thread stack in bytes; null when unknown.
             */
            stackSize?: number | null;
            /**
             * Huge pages in the average thread stack in bytes.
             */
            stackHuge?: number;
            /**
             * Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.
             */
            private?: string;
            /**
             * Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.
             */
            stackResident?: string;
            /**
             * Distribution of measured memory over that of a formula, no unit, as value x weight.
             */
            kernelFactor?: string;
            /**
             * Distribution of measured memory over that of a formula, no unit, as value x weight.
             */
            sharedFactor?: string;
          }[];
        }[];
        /**
         * Out-of-memory counters of pods that had kills, so that each kill counts once.
         *
         * @maxItems 5
         *
         * Items: The counter of one pod.
         */
        pods?: {
          /**
           * UID of the pod.
           */
          uid: string;
          /**
           * Processes killed for memory, a count.
           */
          oomKills: number;
        }[];
      };
    };
    /**
     * The change in flight. Absent when none is.
     */
    change?: {
      /**
       * Name of this change.
       */
      id?: string;
      /**
       * Generation of the spec that asked for this change.
       */
      generation?: number;
      /**
       * Forward while the new config is tried, PutBack while the old one is restored.
       */
      direction?: 'Forward' | 'PutBack';
      /**
       * When the change was planned.
       */
      startedAt?: string;
      /**
       * The workload that is changed.
       */
      workload?: {
        /**
         * Name of the workload.
         */
        name?: string;
        /**
         * UID of the workload.
         */
        uid?: string;
        /**
         * The container that runs uWSGI.
         */
        container?: string;
        /**
         * Image of that container when the change was planned.
         */
        image?: string;
      };
      /**
       * The ConfigMap that is edited.
       */
      configMap?: {
        /**
         * Name of the ConfigMap.
         */
        name?: string;
        /**
         * UID of the ConfigMap.
         */
        uid?: string;
        /**
         * Key of the config text.
         */
        key?: string;
        /**
         * Section of the config text.
         */
        section?: string;
        /**
         * Dialect of the config text; Ini when left out.
         */
        format?: string;
      };
      /**
       * Values of the configuration.
       */
      from?: {
        /**
         * Worker processes, a count.
         */
        processes?: number;
        /**
         * Threads in each worker, a count.
         */
        threads?: number;
        /**
         * Size of one thread's stack, a quantity of bytes.
         */
        threadStackSize?: number | string;
        /**
         * The three values as text.
         */
        summary?: string;
      };
      /**
       * Values of the configuration.
       */
      to?: {
        /**
         * Worker processes, a count.
         */
        processes?: number;
        /**
         * Threads in each worker, a count.
         */
        threads?: number;
        /**
         * Size of one thread's stack, a quantity of bytes.
         */
        threadStackSize?: number | string;
        /**
         * The three values as text.
         */
        summary?: string;
      };
      /**
       * Containers that ran when the change was planned, by the end of their ids. Another one may run the new text.
       *
       * @maxItems 50
       */
      containers?: string[];
      /**
       * SHA-256 of the config text before the change.
       */
      oldHash?: string;
      /**
       * SHA-256 of the config text of the change.
       */
      newHash?: string;
      /**
       * Annotation config-hash before the change; absent when there was none.
       */
      previousAnnotation?: string;
      /**
       * Memory that one pod was expected to use after the change, a quantity of bytes.
       */
      expectedMemory?: number | string;
      /**
       * What the pods showed before the change; evidence counts above it.
       */
      baseline?: {
        /**
         * Pod-minutes of log that were read.
         */
        podMinutes?: number;
        /**
         * Deaths of workers in that time, a count.
         */
        workerDeaths?: number;
        /**
         * Requests that failed by a stack or memory error in that time, a count.
         */
        failedRequests?: number;
      };
      /**
       * When the rollout must be complete.
       */
      rolloutDeadline?: string;
      /**
       * Length of the verify window in seconds.
       */
      verifySeconds?: number;
      /**
       * When the rollout was seen complete.
       */
      rolledOutAt?: string;
      /**
       * A pod had started with a stale mount and the workload was rolled once more.
       */
      rerolled?: boolean;
      /**
       * Why and until when the old config is put back.
       */
      putBack?: {
        /**
         * Why in one CamelCase word.
         */
        reason?: string;
        /**
         * Why in a sentence.
         */
        message?: string;
        /**
         * When the put-back was decided.
         */
        since?: string;
        /**
         * When the put-back must be complete.
         */
        deadline?: string;
        /**
         * A pod without the new annotation had started with the new text and all pods are restarted.
         */
        freshAnnotation?: boolean;
        /**
         * A pod had started with a stale mount after the put-back and the workload was rolled once more.
         */
        rerolled?: boolean;
        /**
         * The put-back did not complete.
         */
        failed?: boolean;
        /**
         * Image of the container when the put-back failed.
         */
        image?: string;
      };
    };
    /**
     * What failed and is not tried again until facts change; newest first.
     *
     * @maxItems 10
     *
     * Items: One configuration that failed.
     */
    rejected?: {
      /**
       * When it failed.
       */
      time?: string;
      /**
       * Image on which it failed.
       */
      image?: string;
      /**
       * Generation of the spec that asked for it.
       */
      generation?: number;
      /**
       * What it taught: StackTooSmall, OutOfMemory or Failed.
       */
      lesson?: string;
      /**
       * Why in one CamelCase word.
       */
      reason?: string;
      /**
       * Why in a sentence.
       */
      message?: string;
      /**
       * Worker processes, a count.
       */
      processes?: number;
      /**
       * Threads in each worker, a count.
       */
      threads?: number;
      /**
       * Size of one thread's stack, a quantity of bytes.
       */
      threadStackSize?: number | string;
    }[];
    /**
     * The last ten changes with their verdicts; newest first.
     *
     * @maxItems 10
     *
     * Items: One finished change.
     */
    history?: {
      /**
       * Name of the change.
       */
      id?: string;
      /**
       * When it was planned.
       */
      startedAt?: string;
      /**
       * When its verdict was reached.
       */
      finishedAt?: string;
      /**
       * Generation of the spec that asked for this change.
       */
      generation?: number;
      /**
       * Image of the container when the change was planned.
       */
      image?: string;
      /**
       * Values before.
       */
      from?: string;
      /**
       * Values tried.
       */
      to?: string;
      /**
       * Verified, PutBack, Superseded, Dropped or Failed.
       */
      verdict?: string;
      /**
       * Why in one CamelCase word.
       */
      reason?: string;
      /**
       * Why in a sentence.
       */
      message?: string;
      /**
       * Memory that one pod was expected to use, a quantity of bytes.
       */
      expectedMemory?: number | string;
      /**
       * Memory that the pods used without file cache, their mean, a quantity of bytes.
       */
      measuredMemory?: number | string;
    }[];
  };
}
