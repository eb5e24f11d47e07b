#!/bin/bash
# node.sh FOLDER ADDRESS: the first process of a cluster with a node; started as
#   unshare --mount --pid --fork --mount-proc --kill-child bash node.sh …
# All of the cluster lives in these namespaces, so it ends without a trace when this process does: mounts, interfaces
# and iptables rules belong to the namespaces. The host's own network is never touched.
set -e
mount --make-rprivate /
# The way back to the host's network namespace, for the listeners on the host's loopback (bridge.ts).
exec 5</proc/self/ns/net
exec unshare --net bash -c '
  set -e
  ip link set lo up
  # The address of the node: it may be neither loopback nor link-local, and not every kernel has dummy devices.
  ip addr add "$2/32" dev lo
  echo 1 >/proc/sys/net/ipv4/ip_forward
  [ -e /proc/sys/net/bridge ] || modprobe br_netfilter || true
  echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
  # containerd, runc, CNI and iptables keep their state and locks here.
  mount -t tmpfs tmpfs /run
  mkdir -p /run/netns /run/lock
  exec bash "$0" "$1"
' "$(dirname "$0")/supervise.sh" "$1" "$2"
