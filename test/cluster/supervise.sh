#!/bin/bash
# supervise.sh FOLDER: runs the programs of one cluster, and ends with its owner.
#
# Reads commands, one a line, from the named pipe FOLDER/control:
#   start NAME   runs FOLDER/programs/NAME.sh, its pid in FOLDER/run/NAME.pid
#   stop NAME    kills it, as a fault would, and removes the pid file
#   keep         from now on there is no owner
#   end          ends everything
# Standard input is a pipe from the owner. It closes when the owner ends in whatever way, kill -9 included, and then
# everything ends, unless `keep` came before.
#
# All programs end with this one: on a node it is the first process of a pid namespace, and without one (control plane
# only) every program was started through `setpriv --pdeathsig`, so the kernel kills it when this process is gone.
cd "$1" || exit 1
mkdir -p run
rm -f control
mkfifo -m 600 control
exec 3<&0 4<>control </dev/null
(while read -r _ <&3; do :; done; echo gone >&4) &
trap "kill $! 2>/dev/null" EXIT
exec 3<&-
: >run/supervisor

# A program that ended by itself shows as NAME.exited, so that who waits for it need not wait for a time-out.
note_exits() {
  local file pid
  for file in run/*.pid; do
    [ -e "$file" ] || continue
    read -r pid <"$file"
    kill -0 "$pid" 2>/dev/null || mv "$file" "${file%.pid}.exited"
  done
}

kept=''
while :; do
  verb=''
  # The time-out is the rhythm in which ended programs are noticed; bash also reaps orphans meanwhile.
  read -r -t 1 verb name <&4
  case $verb in
    start)
      rm -f "run/$name.exited"
      bash "programs/$name.sh" 3<&- 4<&- &
      echo $! >"run/$name.pid"
      ;;
    stop)
      if read -r pid 2>/dev/null <"run/$name.pid"; then
        kill -9 "$pid"
        wait "$pid" 2>/dev/null
        rm -f "run/$name.pid"
      fi
      ;;
    keep) kept=yes ;;
    gone) [ -n "$kept" ] || exit 0 ;;
    end) exit 0 ;;
    *) note_exits ;;
  esac
done
