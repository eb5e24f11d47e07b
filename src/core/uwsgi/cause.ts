/** The closed list of what can keep a text from telling a value. The reason beside it says where. */
export type Cause =
  /** `$(NAME)`. */
  | 'EnvironmentVariable'
  /** `@(file)`. */
  | 'PodFile'
  /** `%k` and the like: facts of the node, the pod or the file's place in it. */
  | 'MagicVariable'
  /** `%(name)` of something that this text does not hold, or that one of the other causes holds back. */
  | 'Placeholder'
  /** A logic block whose test only the pod can make. */
  | 'Block'
  /** Another file that comes in where it is named. */
  | 'Include'
  /** Another file that comes in at the end. */
  | 'Inherit'
  /** An option that the text makes with `declare-option`. */
  | 'CustomOption'
  /** uWSGI exits on this text, or never comes to its end. */
  | 'Fault'
  /** The text is written in a form that is not read here. */
  | 'UnreadForm'
  /** Builds of uWSGI, with other libraries in them, read the text differently. */
  | 'Builds'
  /** The option is not set to a size that holds, so the C library's default does. */
  | 'Unset'
  /** A loop engine that starts no threads, if its plugin is there. */
  | 'LoopEngine'
  /** A limit on the number of processes that the text does not tell. */
  | 'ProcessLimit';
