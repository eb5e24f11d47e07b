/* Generated from crds/uwsgi-tuner.dev_uwsgitunings.yaml by "npm run generate". Do not edit. */
export const uwsgiTuningSchema: object = {
 "type": "object",
 "description": "UwsgiTuning measures the uWSGI pods of one workload, recommends processes, threads and the thread stack size for their memory limit and, when told to, edits the ConfigMap that carries the uWSGI config.",
 "required": [
  "spec"
 ],
 "properties": {
  "apiVersion": {
   "type": "string",
   "description": "Version of this object's schema, uwsgi-tuner.dev/v1alpha1."
  },
  "kind": {
   "type": "string",
   "description": "Kind of this object, UwsgiTuning."
  },
  "metadata": {
   "type": "object"
  },
  "spec": {
   "type": "object",
   "description": "What to measure, how to size it and what may be written.",
   "required": [
    "targetRef",
    "config"
   ],
   "properties": {
    "targetRef": {
     "type": "object",
     "description": "The workload in this namespace whose pods run uWSGI.",
     "required": [
      "apiVersion",
      "kind",
      "name"
     ],
     "properties": {
      "apiVersion": {
       "type": "string",
       "description": "API version of the workload, apps/v1.",
       "enum": [
        "apps/v1"
       ]
      },
      "kind": {
       "type": "string",
       "description": "Kind of the workload.",
       "enum": [
        "Deployment"
       ]
      },
      "name": {
       "type": "string",
       "description": "Name of the workload.",
       "minLength": 1,
       "maxLength": 253,
       "pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
      }
     }
    },
    "containerName": {
     "type": "string",
     "description": "The container that runs uWSGI. Needed only where several containers of the pod run it.",
     "minLength": 1,
     "maxLength": 63,
     "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
    },
    "config": {
     "type": "object",
     "description": "Where the uWSGI config is.",
     "required": [
      "configMapRef"
     ],
     "properties": {
      "configMapRef": {
       "type": "object",
       "description": "The ConfigMap in this namespace that carries the uWSGI config, and its key.",
       "required": [
        "name",
        "key"
       ],
       "properties": {
        "name": {
         "type": "string",
         "description": "Name of the ConfigMap.",
         "minLength": 1,
         "maxLength": 253,
         "pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
        },
        "key": {
         "type": "string",
         "description": "Key of the config text in the ConfigMap's data.",
         "minLength": 1,
         "maxLength": 253,
         "pattern": "^[-._a-zA-Z0-9]+$"
        }
       }
      },
      "format": {
       "type": "string",
       "description": "Dialect of the config text. Left out, the key's suffix decides as it does for uWSGI; Ini for any other.",
       "enum": [
        "Ini",
        "Yaml",
        "Json",
        "Xml"
       ]
      },
      "section": {
       "type": "string",
       "description": "Section of the config text that uWSGI reads.",
       "default": "uwsgi",
       "minLength": 1,
       "maxLength": 63,
       "pattern": "^[-._a-zA-Z0-9]+$"
      }
     }
    },
    "updatePolicy": {
     "type": "object",
     "description": "What may be written, and how carefully.",
     "default": {},
     "properties": {
      "mode": {
       "type": "string",
       "description": "Recommend writes only this object's status. Patch edits the option lines in the ConfigMap's key and rolls the workload out.",
       "enum": [
        "Recommend",
        "Patch"
       ],
       "default": "Recommend"
      },
      "rollout": {
       "type": "string",
       "description": "How pods get the new config. Restart sets the annotation uwsgi-tuner.dev/config-hash on the pod template.",
       "enum": [
        "Restart"
       ],
       "default": "Restart"
      },
      "suspend": {
       "type": "boolean",
       "description": "Stops new changes. A change that was already rolled out is guarded to its verdict.",
       "default": false
      },
      "minInterval": {
       "type": "string",
       "description": "Least time between two changes of this workload, a duration such as 1h or 30m, at most 8760h.",
       "default": "1h",
       "maxLength": 32,
       "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
      },
      "minChangePercent": {
       "type": "integer",
       "description": "Smallest change worth a rollout, in percent of the largest relative change of processes, threads or stack size. Being over the memory budget is always worth it.",
       "default": 10,
       "minimum": 0,
       "maximum": 100
      },
      "rolloutTimeout": {
       "type": "string",
       "description": "Time in which the rollout must complete, else the old config is put back. A duration from 1s to 24h.",
       "default": "10m",
       "maxLength": 32,
       "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
      },
      "verifyWindow": {
       "type": "string",
       "description": "Time after the rollout in which evidence of harm puts the old config back. A duration of at most 168h.",
       "default": "10m",
       "maxLength": 32,
       "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
      }
     }
    },
    "objective": {
     "type": "string",
     "description": "PreserveConcurrency keeps processes x threads where they fit. MaximizeConcurrency raises processes at the same threads up to bounds.processes.max.",
     "enum": [
      "PreserveConcurrency",
      "MaximizeConcurrency"
     ],
     "default": "PreserveConcurrency"
    },
    "bounds": {
     "type": "object",
     "description": "Limits of what may be recommended. What is left out is unbounded.",
     "default": {},
     "properties": {
      "processes": {
       "type": "object",
       "description": "Bounds of the number of worker processes.",
       "properties": {
        "min": {
         "type": "integer",
         "description": "Fewest worker processes.",
         "minimum": 1,
         "maximum": 10000
        },
        "max": {
         "type": "integer",
         "description": "Most worker processes.",
         "minimum": 1,
         "maximum": 10000
        }
       }
      },
      "threads": {
       "type": "object",
       "description": "Bounds of the number of threads in each worker.",
       "properties": {
        "min": {
         "type": "integer",
         "description": "Fewest threads in each worker.",
         "minimum": 1,
         "maximum": 10000
        },
        "max": {
         "type": "integer",
         "description": "Most threads in each worker.",
         "minimum": 1,
         "maximum": 10000
        }
       }
      },
      "threadStackSize": {
       "type": "object",
       "description": "Bounds of the size of one thread's stack.",
       "properties": {
        "min": {
         "description": "Smallest stack, a quantity of bytes such as 512Ki, at most 1Gi.",
         "anyOf": [
          {
           "type": "integer"
          },
          {
           "type": "string"
          }
         ],
         "pattern": "^[0-9]+(\\.[0-9]+)?(k|M|G|Ki|Mi|Gi)?$",
         "maxLength": 32
        },
        "max": {
         "description": "Largest stack, a quantity of bytes such as 8Mi, from 16Ki to 1Gi.",
         "anyOf": [
          {
           "type": "integer"
          },
          {
           "type": "string"
          }
         ],
         "pattern": "^[0-9]+(\\.[0-9]+)?(k|M|G|Ki|Mi|Gi)?$",
         "maxLength": 32
        },
        "allowBelowFloor": {
         "type": "boolean",
         "description": "Lets min undercut the language runtime's floor: your own risk, a request can then crash a worker. Never undercuts the C library's minimum or the measured high-water mark with its margin. Ends for an image on which a stack fails.",
         "default": false
        }
       }
      },
      "controlled": {
       "type": "array",
       "description": "Which values may be changed. The others stay as they run.",
       "default": [
        "Processes",
        "Threads",
        "ThreadStackSize"
       ],
       "minItems": 1,
       "maxItems": 3,
       "items": {
        "type": "string",
        "enum": [
         "Processes",
         "Threads",
         "ThreadStackSize"
        ]
       }
      }
     }
    },
    "memory": {
     "type": "object",
     "description": "How the memory limit is spent.",
     "default": {},
     "properties": {
      "headroomPercent": {
       "type": "integer",
       "description": "Part of the limit that stays unspent, in percent.",
       "default": 15,
       "minimum": 0,
       "maximum": 90
      },
      "stackCharge": {
       "type": "string",
       "description": "What one thread's stack is charged with. HighWater is the measured high-water mark with its margin, Reserved the whole stack.",
       "enum": [
        "HighWater",
        "Reserved"
       ],
       "default": "HighWater"
      },
      "limit": {
       "description": "Memory limit to size for, a quantity of bytes from 1Mi to 64Ti. The smallest of this, the container's cgroup and the pod template counts.",
       "anyOf": [
        {
         "type": "integer"
        },
        {
         "type": "string"
        }
       ],
       "pattern": "^[0-9]+(\\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$",
       "maxLength": 32
      }
     }
    },
    "sampling": {
     "type": "object",
     "description": "How pods are measured.",
     "default": {},
     "properties": {
      "interval": {
       "type": "string",
       "description": "Time between two samples, a duration from 5s to 24h.",
       "default": "5m",
       "maxLength": 32,
       "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
      },
      "maxPods": {
       "type": "integer",
       "description": "Pods measured in one round, spread over nodes and ages.",
       "default": 3,
       "minimum": 1,
       "maximum": 50
      },
      "minSamples": {
       "type": "integer",
       "description": "Samples needed before a change. A recommendation is shown from the first.",
       "default": 12,
       "minimum": 1,
       "maximum": 10000
      },
      "minObservation": {
       "type": "string",
       "description": "Time of observation needed before a change, a duration of at most 8760h.",
       "default": "24h",
       "maxLength": 32,
       "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
      },
      "timeout": {
       "type": "string",
       "description": "Deadline of one measurement of one pod, a duration from 1s to 2m.",
       "default": "20s",
       "maxLength": 32,
       "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
      }
     }
    }
   }
  },
  "status": {
   "type": "object",
   "description": "What was measured, computed and done. Written by the operator alone.",
   "properties": {
    "observedGeneration": {
     "type": "integer",
     "description": "Generation of the spec that this status speaks of."
    },
    "conditions": {
     "type": "array",
     "description": "Ready, Reconciling, Stalled, RecommendationProvided and Applied, by the kstatus convention.",
     "maxItems": 16,
     "items": {
      "type": "object",
      "description": "One aspect of the state.",
      "required": [
       "type",
       "status",
       "lastTransitionTime",
       "reason",
       "message"
      ],
      "properties": {
       "type": {
        "type": "string",
        "description": "Name of the aspect.",
        "maxLength": 316
       },
       "status": {
        "type": "string",
        "description": "True or False or Unknown.",
        "enum": [
         "True",
         "False",
         "Unknown"
        ]
       },
       "observedGeneration": {
        "type": "integer",
        "description": "Generation of the spec that was looked at."
       },
       "lastTransitionTime": {
        "type": "string",
        "description": "When the status last changed."
       },
       "reason": {
        "type": "string",
        "description": "Why in one CamelCase word.",
        "minLength": 1,
        "maxLength": 128
       },
       "message": {
        "type": "string",
        "description": "Why in a sentence for people.",
        "maxLength": 1024
       }
      }
     }
    },
    "current": {
     "type": "object",
     "description": "What runs now, from measurement.",
     "properties": {
      "processes": {
       "type": "integer",
       "description": "Worker processes, a count.",
       "minimum": 0
      },
      "threads": {
       "type": "integer",
       "description": "Threads in each worker, a count.",
       "minimum": 0
      },
      "threadStackSize": {
       "description": "Size of one thread's stack, a quantity of bytes.",
       "anyOf": [
        {
         "type": "integer"
        },
        {
         "type": "string"
        }
       ]
      },
      "summary": {
       "type": "string",
       "description": "The three values as text.",
       "maxLength": 64
      },
      "threadStacks": {
       "type": "object",
       "description": "The thread stacks as mapped in the newest sample of one pod.",
       "properties": {
        "perWorker": {
         "type": "integer",
         "description": "Stacks in each worker: one less than threads, a count.",
         "minimum": 0
        },
        "mapped": {
         "description": "Address space of all thread stacks of one pod, a quantity of bytes.",
         "anyOf": [
          {
           "type": "integer"
          },
          {
           "type": "string"
          }
         ]
        },
        "resident": {
         "description": "Memory really used by all thread stacks of one pod, a quantity of bytes.",
         "anyOf": [
          {
           "type": "integer"
          },
          {
           "type": "string"
          }
         ]
        },
        "highWater": {
         "description": "Deepest use of any thread stack seen on this image, a quantity of bytes.",
         "anyOf": [
          {
           "type": "integer"
          },
          {
           "type": "string"
          }
         ]
        },
        "hugePages": {
         "description": "Resident memory of thread stacks in huge pages in one pod, a quantity of bytes.",
         "anyOf": [
          {
           "type": "integer"
          },
          {
           "type": "string"
          }
         ]
        }
       }
      }
     }
    },
    "limit": {
     "type": "object",
     "description": "The memory limit that was sized for.",
     "properties": {
      "limit": {
       "description": "Memory limit of the container, a quantity of bytes.",
       "anyOf": [
        {
         "type": "integer"
        },
        {
         "type": "string"
        }
       ]
      },
      "source": {
       "type": "string",
       "description": "Where the limit comes from: override, cgroup or template.",
       "maxLength": 16
      },
      "budget": {
       "description": "The limit less head room, a quantity of bytes; the lines of the budget add up to at most this.",
       "anyOf": [
        {
         "type": "integer"
        },
        {
         "type": "string"
        }
       ]
      }
     }
    },
    "recommendation": {
     "type": "object",
     "description": "The largest safe configuration inside the memory limit.",
     "properties": {
      "processes": {
       "type": "integer",
       "description": "Worker processes, a count.",
       "minimum": 0
      },
      "threads": {
       "type": "integer",
       "description": "Threads in each worker, a count.",
       "minimum": 0
      },
      "threadStackSize": {
       "description": "Size of one thread's stack, a quantity of bytes.",
       "anyOf": [
        {
         "type": "integer"
        },
        {
         "type": "string"
        }
       ]
      },
      "summary": {
       "type": "string",
       "description": "The three values as text.",
       "maxLength": 64
      },
      "uncapped": {
       "type": "object",
       "description": "The recommendation as it would be without bounds.",
       "properties": {
        "processes": {
         "type": "integer",
         "description": "Worker processes, a count.",
         "minimum": 0
        },
        "threads": {
         "type": "integer",
         "description": "Threads in each worker, a count.",
         "minimum": 0
        },
        "threadStackSize": {
         "description": "Size of one thread's stack, a quantity of bytes.",
         "anyOf": [
          {
           "type": "integer"
          },
          {
           "type": "string"
          }
         ]
        },
        "summary": {
         "type": "string",
         "description": "The three values as text.",
         "maxLength": 64
        }
       }
      },
      "confidence": {
       "type": "string",
       "description": "From 0.00 to 1.00; grows with samples and days.",
       "maxLength": 8
      },
      "expectedMemory": {
       "description": "Memory that one pod is expected to use under the same load, without file cache, a quantity of bytes.",
       "anyOf": [
        {
         "type": "integer"
        },
        {
         "type": "string"
        }
       ]
      },
      "stackDecidedBy": {
       "type": "string",
       "description": "Which rule set the stack size.",
       "maxLength": 64
      },
      "reasons": {
       "type": "array",
       "description": "Why these values, sentences with numbers and units.",
       "maxItems": 16,
       "items": {
        "type": "string",
        "maxLength": 512
       }
      }
     }
    },
    "budget": {
     "type": "array",
     "description": "The lines of the sum, for one pod.",
     "maxItems": 24,
     "items": {
      "type": "object",
      "description": "One line of the sum.",
      "required": [
       "name"
      ],
      "properties": {
       "name": {
        "type": "string",
        "description": "What the memory is for.",
        "maxLength": 64
       },
       "bytes": {
        "type": "integer",
        "description": "Charged bytes.",
        "minimum": 0
       },
       "expectedBytes": {
        "type": "integer",
        "description": "Expected bytes under the same load.",
        "minimum": 0
       },
       "provenance": {
        "type": "string",
        "description": "Where the figure comes from: default, user, measured or calculated.",
        "maxLength": 16
       }
      }
     }
    },
    "savings": {
     "type": "object",
     "description": "What the recommendation saves in one pod, in two numbers that must not be confused.",
     "properties": {
      "mapped": {
       "description": "Address space saved, a quantity of bytes. The memory limit does not charge it.",
       "anyOf": [
        {
         "type": "integer"
        },
        {
         "type": "string"
        }
       ]
      },
      "resident": {
       "description": "Memory saved, a quantity of bytes. The memory limit charges it.",
       "anyOf": [
        {
         "type": "integer"
        },
        {
         "type": "string"
        }
       ]
      }
     }
    },
    "worstCase": {
     "description": "Memory of one pod if every stack were touched to its end, a quantity of bytes.",
     "anyOf": [
      {
       "type": "integer"
      },
      {
       "type": "string"
      }
     ]
    },
    "sample": {
     "type": "object",
     "description": "What the pods showed; a bounded digest that survives restarts.",
     "properties": {
      "tier": {
       "type": "string",
       "description": "How much could be read: smaps or status.",
       "maxLength": 16
      },
      "tierReason": {
       "type": "string",
       "description": "Why not more could be read.",
       "maxLength": 512
      },
      "time": {
       "type": "string",
       "description": "When the newest sample in this status was taken."
      },
      "pods": {
       "type": "integer",
       "description": "Pods in the newest round, a count.",
       "minimum": 0
      },
      "platform": {
       "type": "string",
       "description": "Kernel, architecture, C library and Python of the pods.",
       "maxLength": 256
      },
      "memoryUsed": {
       "description": "Memory of the largest sampled pod without file cache, a quantity of bytes.",
       "anyOf": [
        {
         "type": "integer"
        },
        {
         "type": "string"
        }
       ]
      },
      "digest": {
       "type": "object",
       "description": "History of the samples, bounded; it survives restarts of the operator.",
       "properties": {
        "images": {
         "type": "array",
         "description": "One history per image, the running image first.",
         "maxItems": 3,
         "items": {
          "type": "object",
          "description": "Samples of one image.",
          "required": [
           "image"
          ],
          "properties": {
           "image": {
            "type": "string",
            "description": "The image; the last 160 characters of a longer name.",
            "maxLength": 160
           },
           "samples": {
            "type": "integer",
            "description": "Samples, a count.",
            "minimum": 0
           },
           "observedMs": {
            "type": "integer",
            "description": "Time in which samples came at least hourly in milliseconds.",
            "minimum": 0
           },
           "lastSeen": {
            "type": "integer",
            "description": "When the newest sample was added in milliseconds since the epoch.",
            "minimum": 0
           },
           "tier": {
            "type": "string",
            "description": "How much the newest sample could see: smaps or status.",
            "maxLength": 16
           },
           "stackHighWater": {
            "type": "integer",
            "description": "The deepest touch of any thread stack in bytes; null when it could not be measured.",
            "minimum": 0,
            "nullable": true
           },
           "peak": {
            "type": "integer",
            "description": "The most memory of one pod without file cache in bytes; null when unknown.",
            "minimum": 0,
            "nullable": true
           },
           "oomKills": {
            "type": "integer",
            "description": "Processes killed for memory, a count.",
            "minimum": 0
           },
           "master": {
            "type": "string",
            "description": "Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.",
            "maxLength": 256
           },
           "forkShared": {
            "type": "string",
            "description": "Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.",
            "maxLength": 256
           },
           "others": {
            "type": "string",
            "description": "Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.",
            "maxLength": 256
           },
           "tmpfs": {
            "type": "string",
            "description": "Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.",
            "maxLength": 256
           },
           "fileCache": {
            "type": "string",
            "description": "Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.",
            "maxLength": 256
           },
           "points": {
            "type": "array",
            "description": "One entry per count of threads that was measured, the running one first.",
            "maxItems": 4,
            "items": {
             "type": "object",
             "description": "Samples of one count of threads.",
             "required": [
              "threads",
              "processes"
             ],
             "properties": {
              "threads": {
               "type": "integer",
               "description": "Threads in each worker, a count.",
               "minimum": 1
              },
              "processes": {
               "type": "integer",
               "description": "Workers in the newest sample, a count.",
               "minimum": 1
              },
              "samples": {
               "type": "integer",
               "description": "Samples, a count.",
               "minimum": 0
              },
              "lastSeen": {
               "type": "integer",
               "description": "When the newest sample was added in milliseconds since the epoch.",
               "minimum": 0
              },
              "busyThreads": {
               "type": "integer",
               "description": "The most threads of one worker that ever worked, a count; null when unknown.",
               "minimum": 0,
               "nullable": true
              },
              "verified": {
               "type": "boolean",
               "description": "A change to this count of threads was verified."
              },
              "stackSize": {
               "type": "integer",
               "description": "Size of a thread stack in bytes; null when unknown.",
               "minimum": 0,
               "nullable": true
              },
              "stackHuge": {
               "type": "integer",
               "description": "Huge pages in the average thread stack in bytes.",
               "minimum": 0
              },
              "private": {
               "type": "string",
               "description": "Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.",
               "maxLength": 256
              },
              "stackResident": {
               "type": "string",
               "description": "Distribution of a size in KiB as value x weight, the weight in samples, halved every 24 hours.",
               "maxLength": 256
              },
              "kernelFactor": {
               "type": "string",
               "description": "Distribution of measured memory over that of a formula, no unit, as value x weight.",
               "maxLength": 256
              },
              "sharedFactor": {
               "type": "string",
               "description": "Distribution of measured memory over that of a formula, no unit, as value x weight.",
               "maxLength": 256
              }
             }
            }
           }
          }
         }
        },
        "pods": {
         "type": "array",
         "description": "Out-of-memory counters of pods that had kills, so that each kill counts once.",
         "maxItems": 5,
         "items": {
          "type": "object",
          "description": "The counter of one pod.",
          "required": [
           "uid",
           "oomKills"
          ],
          "properties": {
           "uid": {
            "type": "string",
            "description": "UID of the pod.",
            "maxLength": 36
           },
           "oomKills": {
            "type": "integer",
            "description": "Processes killed for memory, a count.",
            "minimum": 0
           }
          }
         }
        }
       }
      }
     }
    },
    "change": {
     "type": "object",
     "description": "The change in flight. Absent when none is.",
     "properties": {
      "id": {
       "type": "string",
       "description": "Name of this change.",
       "maxLength": 64
      },
      "generation": {
       "type": "integer",
       "description": "Generation of the spec that asked for this change."
      },
      "direction": {
       "type": "string",
       "description": "Forward while the new config is tried, PutBack while the old one is restored.",
       "enum": [
        "Forward",
        "PutBack"
       ]
      },
      "startedAt": {
       "type": "string",
       "description": "When the change was planned."
      },
      "workload": {
       "type": "object",
       "description": "The workload that is changed.",
       "properties": {
        "name": {
         "type": "string",
         "description": "Name of the workload.",
         "maxLength": 253
        },
        "uid": {
         "type": "string",
         "description": "UID of the workload.",
         "maxLength": 64
        },
        "container": {
         "type": "string",
         "description": "The container that runs uWSGI.",
         "maxLength": 63
        },
        "image": {
         "type": "string",
         "description": "Image of that container when the change was planned.",
         "maxLength": 512
        }
       }
      },
      "configMap": {
       "type": "object",
       "description": "The ConfigMap that is edited.",
       "properties": {
        "name": {
         "type": "string",
         "description": "Name of the ConfigMap.",
         "maxLength": 253
        },
        "uid": {
         "type": "string",
         "description": "UID of the ConfigMap.",
         "maxLength": 64
        },
        "key": {
         "type": "string",
         "description": "Key of the config text.",
         "maxLength": 253
        },
        "section": {
         "type": "string",
         "description": "Section of the config text.",
         "maxLength": 63
        },
        "format": {
         "type": "string",
         "description": "Dialect of the config text; Ini when left out.",
         "maxLength": 16
        }
       }
      },
      "from": {
       "type": "object",
       "description": "Values of the configuration.",
       "properties": {
        "processes": {
         "type": "integer",
         "description": "Worker processes, a count.",
         "minimum": 0
        },
        "threads": {
         "type": "integer",
         "description": "Threads in each worker, a count.",
         "minimum": 0
        },
        "threadStackSize": {
         "description": "Size of one thread's stack, a quantity of bytes.",
         "anyOf": [
          {
           "type": "integer"
          },
          {
           "type": "string"
          }
         ]
        },
        "summary": {
         "type": "string",
         "description": "The three values as text.",
         "maxLength": 64
        }
       }
      },
      "to": {
       "type": "object",
       "description": "Values of the configuration.",
       "properties": {
        "processes": {
         "type": "integer",
         "description": "Worker processes, a count.",
         "minimum": 0
        },
        "threads": {
         "type": "integer",
         "description": "Threads in each worker, a count.",
         "minimum": 0
        },
        "threadStackSize": {
         "description": "Size of one thread's stack, a quantity of bytes.",
         "anyOf": [
          {
           "type": "integer"
          },
          {
           "type": "string"
          }
         ]
        },
        "summary": {
         "type": "string",
         "description": "The three values as text.",
         "maxLength": 64
        }
       }
      },
      "containers": {
       "type": "array",
       "description": "Containers that ran when the change was planned, by the end of their ids. Another one may run the new text.",
       "maxItems": 50,
       "items": {
        "type": "string",
        "maxLength": 12
       }
      },
      "oldHash": {
       "type": "string",
       "description": "SHA-256 of the config text before the change.",
       "maxLength": 64
      },
      "newHash": {
       "type": "string",
       "description": "SHA-256 of the config text of the change.",
       "maxLength": 64
      },
      "previousAnnotation": {
       "type": "string",
       "description": "Annotation config-hash before the change; absent when there was none.",
       "maxLength": 256
      },
      "expectedMemory": {
       "description": "Memory that one pod was expected to use after the change, a quantity of bytes.",
       "anyOf": [
        {
         "type": "integer"
        },
        {
         "type": "string"
        }
       ]
      },
      "baseline": {
       "type": "object",
       "description": "What the pods showed before the change; evidence counts above it.",
       "properties": {
        "podMinutes": {
         "type": "integer",
         "description": "Pod-minutes of log that were read.",
         "minimum": 0
        },
        "workerDeaths": {
         "type": "integer",
         "description": "Deaths of workers in that time, a count.",
         "minimum": 0
        },
        "failedRequests": {
         "type": "integer",
         "description": "Requests that failed by a stack or memory error in that time, a count.",
         "minimum": 0
        }
       }
      },
      "rolloutDeadline": {
       "type": "string",
       "description": "When the rollout must be complete."
      },
      "verifySeconds": {
       "type": "integer",
       "description": "Length of the verify window in seconds.",
       "minimum": 0
      },
      "rolledOutAt": {
       "type": "string",
       "description": "When the rollout was seen complete."
      },
      "rerolled": {
       "type": "boolean",
       "description": "A pod had started with a stale mount and the workload was rolled once more."
      },
      "putBack": {
       "type": "object",
       "description": "Why and until when the old config is put back.",
       "properties": {
        "reason": {
         "type": "string",
         "description": "Why in one CamelCase word.",
         "maxLength": 128
        },
        "message": {
         "type": "string",
         "description": "Why in a sentence.",
         "maxLength": 1024
        },
        "since": {
         "type": "string",
         "description": "When the put-back was decided."
        },
        "deadline": {
         "type": "string",
         "description": "When the put-back must be complete."
        },
        "freshAnnotation": {
         "type": "boolean",
         "description": "A pod without the new annotation had started with the new text and all pods are restarted."
        },
        "rerolled": {
         "type": "boolean",
         "description": "A pod had started with a stale mount after the put-back and the workload was rolled once more."
        },
        "failed": {
         "type": "boolean",
         "description": "The put-back did not complete."
        },
        "image": {
         "type": "string",
         "description": "Image of the container when the put-back failed.",
         "maxLength": 512
        }
       }
      }
     }
    },
    "rejected": {
     "type": "array",
     "description": "What failed and is not tried again until facts change; newest first.",
     "maxItems": 10,
     "items": {
      "type": "object",
      "description": "One configuration that failed.",
      "properties": {
       "time": {
        "type": "string",
        "description": "When it failed."
       },
       "image": {
        "type": "string",
        "description": "Image on which it failed.",
        "maxLength": 512
       },
       "generation": {
        "type": "integer",
        "description": "Generation of the spec that asked for it."
       },
       "lesson": {
        "type": "string",
        "description": "What it taught: StackTooSmall, OutOfMemory or Failed.",
        "maxLength": 32
       },
       "reason": {
        "type": "string",
        "description": "Why in one CamelCase word.",
        "maxLength": 128
       },
       "message": {
        "type": "string",
        "description": "Why in a sentence.",
        "maxLength": 512
       },
       "processes": {
        "type": "integer",
        "description": "Worker processes, a count.",
        "minimum": 0
       },
       "threads": {
        "type": "integer",
        "description": "Threads in each worker, a count.",
        "minimum": 0
       },
       "threadStackSize": {
        "description": "Size of one thread's stack, a quantity of bytes.",
        "anyOf": [
         {
          "type": "integer"
         },
         {
          "type": "string"
         }
        ]
       }
      }
     }
    },
    "history": {
     "type": "array",
     "description": "The last ten changes with their verdicts; newest first.",
     "maxItems": 10,
     "items": {
      "type": "object",
      "description": "One finished change.",
      "properties": {
       "id": {
        "type": "string",
        "description": "Name of the change.",
        "maxLength": 64
       },
       "startedAt": {
        "type": "string",
        "description": "When it was planned."
       },
       "finishedAt": {
        "type": "string",
        "description": "When its verdict was reached."
       },
       "generation": {
        "type": "integer",
        "description": "Generation of the spec that asked for this change."
       },
       "image": {
        "type": "string",
        "description": "Image of the container when the change was planned.",
        "maxLength": 512
       },
       "from": {
        "type": "string",
        "description": "Values before.",
        "maxLength": 64
       },
       "to": {
        "type": "string",
        "description": "Values tried.",
        "maxLength": 64
       },
       "verdict": {
        "type": "string",
        "description": "Verified, PutBack, Superseded, Dropped or Failed.",
        "maxLength": 32
       },
       "reason": {
        "type": "string",
        "description": "Why in one CamelCase word.",
        "maxLength": 128
       },
       "message": {
        "type": "string",
        "description": "Why in a sentence.",
        "maxLength": 512
       },
       "expectedMemory": {
        "description": "Memory that one pod was expected to use, a quantity of bytes.",
        "anyOf": [
         {
          "type": "integer"
         },
         {
          "type": "string"
         }
        ]
       },
       "measuredMemory": {
        "description": "Memory that the pods used without file cache, their mean, a quantity of bytes.",
        "anyOf": [
         {
          "type": "integer"
         },
         {
          "type": "string"
         }
        ]
       }
      }
     }
    }
   }
  }
 }
};
