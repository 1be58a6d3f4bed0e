#!/usr/bin/env bash
# Makes the captures of samples/ anew: real programs in network namespaces, recorded by tcpdump and dumpcap.
#
#   sudo samples/make.sh [NAME...]        all samples, or those named
#
# Needs Linux, root, and: iproute2 ethtool tcpdump tshark nginx curl dnsmasq bind9-dnsutils iputils-ping traceroute
# iperf3 nmap openssh-server openssh-client python3. Nothing outside of the namespaces is touched. Times and port
# numbers differ from run to run, so write the expected records anew afterwards (see samples/README.md).
#
# The lab: one VPC with two VSwitches on a host, a router, and hosts outside.
#
#   host   bridge front  tap-web      web      10.20.1.10  fd20:20:0:1::10   02:20:00:00:01:10
#                        tap-app      app      10.20.1.11  fd20:20:0:1::11   02:20:00:00:01:11
#                        tap-bastion  bastion  10.20.1.12  fd20:20:0:1::12   02:20:00:00:01:12
#          bridge back   tap-db       db       10.20.2.10  fd20:20:0:2::10   02:20:00:00:02:10
#   router 10.20.1.1, 10.20.2.1, 198.51.100.1 (and ::1 of each prefix)
#   outside 198.51.100.7, 198.51.100.8, 203.0.113.66-68, 2001:db8:7::7
set -euo pipefail
cd "$(dirname "$0")"

PREFIX=weir-lab
SCRATCH=$(mktemp -d)
SERVERS=()
RECORDER=
RECORDER_LOG=

within() { timeout 30 ip netns exec "$PREFIX-$1" "${@:2}"; }

cleanup() {
  for pid in "${SERVERS[@]}" $RECORDER; do kill "$pid" 2>/dev/null || true; done
  for name in host router web app bastion db outside; do ip netns del "$PREFIX-$name" 2>/dev/null || true; done
  rm -rf "$SCRATCH"
}
trap cleanup EXIT

# A namespace whose IPv6 is quiet: no address detection, no router solicitation.
namespace() {
  ip netns add "$PREFIX-$1"
  within "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
    net.ipv6.conf.default.router_solicitations=0 net.ipv6.conf.default.autoconf=0 net.ipv4.conf.all.rp_filter=0
  within "$1" ip link set lo up
}

# cable MACHINE INTERFACE MAC BRIDGE TAP: the machine's interface, its tap on a bridge of the host. No offloads, so
# that captures hold the packets as they would be on a wire.
cable() {
  ip link add "wl-$5" type veth peer name "wl-peer"
  ip link set "wl-$5" netns "$PREFIX-host" name "$5"
  ip link set wl-peer netns "$PREFIX-$1" name "$2" address "$3"
  within host ip link set "$5" master "$4" up
  within "$1" ip link set "$2" up
  within host ethtool -K "$5" tx off gso off gro off tso off >/dev/null
  within "$1" ethtool -K "$2" tx off gso off gro off tso off >/dev/null
}

machine() { # NAME BRIDGE NETWORK4 NETWORK6 NUMBER
  local net=${3##*.}
  namespace "$1"
  cable "$1" eth0 "02:20:00:00:0$net:$5" "$2" "tap-$1"
  within "$1" ip addr add "$3.$5/24" dev eth0
  within "$1" ip addr add "$4::$5/64" dev eth0 nodad
  within "$1" ip route add default via "$3.1"
  within "$1" ip route add default via "$4::1"
}

build_lab() {
  namespace host
  within host sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  for bridge in front back wan; do
    within host ip link add "$bridge" type bridge mcast_snooping 0
    within host ip link set "$bridge" up
  done
  machine web front 10.20.1 fd20:20:0:1 10
  machine app front 10.20.1 fd20:20:0:1 11
  machine bastion front 10.20.1 fd20:20:0:1 12
  machine db back 10.20.2 fd20:20:0:2 10
  namespace router
  within router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.send_redirects=0
  cable router front 02:20:00:00:01:01 front tap-gw-front
  cable router back 02:20:00:00:02:01 back tap-gw-back
  cable router wan 02:20:00:00:09:01 wan tap-gw-wan
  within router ip addr add 10.20.1.1/24 dev front
  within router ip addr add fd20:20:0:1::1/64 dev front nodad
  within router ip addr add 10.20.2.1/24 dev back
  within router ip addr add fd20:20:0:2::1/64 dev back nodad
  within router ip addr add 198.51.100.1/24 dev wan
  within router ip addr add 203.0.113.1/24 dev wan
  within router ip addr add 2001:db8:7::1/64 dev wan nodad
  namespace outside
  cable outside eth0 02:20:00:00:09:07 wan tap-outside
  for address in 198.51.100.7/24 198.51.100.8/24 203.0.113.66/24 203.0.113.67/24 203.0.113.68/24; do
    within outside ip addr add "$address" dev eth0
  done
  within outside ip addr add 2001:db8:7::7/64 dev eth0 nodad
  within outside ip route add default via 198.51.100.1 src 198.51.100.7
  within outside ip route add default via 2001:db8:7::1
  sleep 3 # multicast listener reports of the new interfaces
}

# serve MACHINE PROGRAM...: runs until the end of the script.
serve() {
  (exec ip netns exec "$PREFIX-$1" "${@:2}") >"$SCRATCH/$1-${2##*/}.log" 2>&1 &
  SERVERS+=($!)
}

# record MACHINE PROGRAM...: starts tcpdump or dumpcap and waits until it captures.
record() {
  RECORDER_LOG=$SCRATCH/recorder.log
  : >"$RECORDER_LOG"
  (exec ip netns exec "$PREFIX-$1" "${@:2}") 2>"$RECORDER_LOG" &
  RECORDER=$!
  for _ in $(seq 100); do
    if grep -qE 'listening on|^File: |^Capturing on' "$RECORDER_LOG"; then sleep 0.4; return; fi
    sleep 0.1
  done
  echo "the recorder did not start:" >&2
  cat "$RECORDER_LOG" >&2
  exit 1
}

stop_recording() {
  sleep 1
  kill -TERM "$RECORDER"
  wait "$RECORDER" || true
  RECORDER=
}

fetch() { # MACHINE URL [CURL-OPTION...]
  within "$1" curl -s -g --max-time 3 "${@:3}" "$2" >/dev/null || true
}

# Sleeps until the clock shows a multiple of $1 seconds: a burst then lies in one window.
align() { sleep "$(awk -v step="$1" -v now="$(date +%s.%N)" 'BEGIN { print step - now % step }')"; }

start_servers() {
  mkdir -p "$SCRATCH/www"
  echo '<h1>It works</h1>' >"$SCRATCH/www/index.html"
  head -c 60000 /dev/zero | tr '\0' 'w' >"$SCRATCH/www/page.txt"
  cat >"$SCRATCH/nginx.conf" <<NGINX
daemon off; pid $SCRATCH/nginx.pid; error_log stderr; worker_processes 1;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path $SCRATCH/body; proxy_temp_path $SCRATCH/proxy; fastcgi_temp_path $SCRATCH/fastcgi;
  uwsgi_temp_path $SCRATCH/uwsgi; scgi_temp_path $SCRATCH/scgi;
  server { listen 80; listen [::]:80; listen 8081; listen [::]:8081; root $SCRATCH/www; }
}
NGINX
  chmod -R a+rX "$SCRATCH"
  serve web nginx -c "$SCRATCH/nginx.conf"
  serve db dnsmasq --keep-in-foreground --no-resolv --no-hosts --no-dhcp-interface= --user=root --pid-file= \
    --port=53 --address=/www.lab.example/10.20.1.10 --address=/www.lab.example/fd20:20:0:1::10 \
    --txt-record=long.lab.example,"$(head -c 200 /dev/zero | tr '\0' 'x')" --host-record=app.lab.example,10.20.1.11
  serve db iperf3 -s -p 5201
  serve app iperf3 -s -p 5201
  ssh-keygen -q -t ed25519 -N '' -f "$SCRATCH/host_key"
  ssh-keygen -q -t ed25519 -N '' -f "$SCRATCH/user_key"
  cp "$SCRATCH/user_key.pub" "$SCRATCH/authorized_keys"
  mkdir -p /run/sshd
  serve bastion /usr/sbin/sshd -D -e -f /dev/null -h "$SCRATCH/host_key" -p 22 -o UsePAM=no -o StrictModes=no \
    -o PidFile=none -o AuthorizedKeysFile="$SCRATCH/authorized_keys" -o PermitRootLogin=prohibit-password
  sleep 1
}

ssh_as() { # SOURCE-ADDRESS KEY-FILE COMMAND...
  within outside ssh -F /dev/null -b "$1" -i "$2" -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=1 -o LogLevel=quiet \
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@10.20.1.12 "${@:3}" </dev/null >/dev/null 2>&1 || true
}

make_web() {
  record host dumpcap -q -i tap-web -s 192 -w "$PWD/web/capture.pcapng"
  fetch outside http://10.20.1.10/
  fetch outside http://10.20.1.10/page.txt
  fetch outside 'http://[fd20:20:0:1::10]/'
  fetch app http://10.20.1.10:8081/                                          # same group: no rule needed
  fetch app 'http://[fd20:20:0:1::10]:8081/'
  within web ip route add blackhole 198.51.100.8                             # what a dropped SYN looks like
  fetch outside http://10.20.1.10:8081/ --interface 198.51.100.8
  within web ip route del blackhole 198.51.100.8
  within web ping -q -c 2 -i 0.2 10.20.1.11 >/dev/null
  stop_recording
}

make_resolver() {
  record app tcpdump -q -i any -y LINUX_SLL2 -s 200 --immediate-mode -w "$PWD/resolver/capture.pcap"
  within app dig +short +tries=1 @10.20.2.10 www.lab.example A >/dev/null
  within app dig +short +tries=1 @10.20.2.10 www.lab.example AAAA >/dev/null
  within app dig +short +tries=1 +tcp @10.20.2.10 long.lab.example TXT >/dev/null
  within app dig +short +tries=1 @fd20:20:0:2::10 www.lab.example A >/dev/null
  within app ping -q -c 3 -i 0.2 10.20.2.10 >/dev/null
  within app ping -6 -q -c 3 -i 0.2 fd20:20:0:2::10 >/dev/null
  within app traceroute -n -q 1 -w 1 198.51.100.7 >/dev/null                # ICMP errors that quote the probes
  within app traceroute -6 -n -q 1 -w 1 2001:db8:7::7 >/dev/null
  within app dig +short +tries=1 +time=1 @10.20.1.10 www.lab.example >/dev/null || true # port unreachable
  within outside ping -q -c 2 -i 0.2 10.20.1.11 >/dev/null                   # nobody asked for it: no rule lets it in
  stop_recording
}

make_two_enis() {
  record host dumpcap -q -i tap-app -i tap-db -s 96 -w "$PWD/two-enis/capture.pcapng"
  within app iperf3 -c 10.20.2.10 -n 100K >/dev/null
  within app iperf3 -6 -c fd20:20:0:2::10 -n 40K >/dev/null
  fetch db http://10.20.1.10/                                                # the prefix list lets db reach the web
  within web ip route add blackhole 10.20.2.10
  fetch db http://10.20.1.10:8081/                                           # an advanced group keeps it in
  within web ip route del blackhole 10.20.2.10
  within db ip route add blackhole 10.20.1.10
  fetch web http://10.20.2.10:5201/                                          # web is not in the app's group
  within db ip route del blackhole 10.20.1.10
  stop_recording
}

make_fragments() {
  record host tcpdump -q -i front -s 96 --immediate-mode --time-stamp-precision=nano -w "$PWD/fragments/capture.pcap"
  within web ping -q -c 3 -i 0.2 -s 4000 10.20.1.11 >/dev/null
  within web ping -6 -q -c 3 -i 0.2 -s 4000 fd20:20:0:1::11 >/dev/null
  within web iperf3 -u -c 10.20.1.11 -l 4000 -n 80000 -b 4M >/dev/null
  within web iperf3 -6 -u -c fd20:20:0:1::11 -l 4000 -n 40000 -b 4M >/dev/null
  stop_recording
}

make_port_scan() {
  record host tcpdump -q -i tap-web -s 96 --immediate-mode -w "$SCRATCH/scan.pcap"
  within outside nmap -n -Pn -sS --top-ports 200 --max-retries 0 -T4 -e eth0 -S 203.0.113.66 10.20.1.10 >/dev/null
  within outside nmap -n -Pn -sU -p 53,123,161,500,1900 --max-retries 0 -T4 -e eth0 -S 203.0.113.66 10.20.1.10 >/dev/null
  within outside nmap -6 -n -Pn -sS -p 22,80,443,3306,8081 --max-retries 0 fd20:20:0:1::10 >/dev/null
  fetch outside http://10.20.1.10/
  stop_recording
  gzip -9n <"$SCRATCH/scan.pcap" >port-scan/capture.pcap.gz
}

make_ssh_brute_force() {
  align 10
  sleep 1
  record host dumpcap -q -i tap-bastion -i tap-app -s 128 -w "$SCRATCH/ssh.pcapng"
  ssh_as 198.51.100.7 "$SCRATCH/user_key" true                                # the administrator
  within bastion ip route add blackhole 203.0.113.66
  within bastion ip route add blackhole 203.0.113.67
  for _ in $(seq 20); do
    ssh_as 203.0.113.66 "$SCRATCH/host_key" true &
    ssh_as 203.0.113.67 "$SCRATCH/host_key" true &
    sleep 0.1
  done
  wait_for_ssh
  for _ in $(seq 5); do ssh_as 203.0.113.68 "$SCRATCH/host_key" true; done    # reaches sshd: the lab does not enforce
  align 10
  sleep 21                                                                   # two windows without traffic
  for _ in $(seq 15); do ssh_as 203.0.113.66 "$SCRATCH/host_key" true & sleep 0.1; done
  wait_for_ssh
  ssh_as 198.51.100.7 "$SCRATCH/user_key" true
  within bastion ip route del blackhole 203.0.113.66
  within bastion ip route del blackhole 203.0.113.67
  stop_recording
  gzip -9n <"$SCRATCH/ssh.pcapng" >ssh-brute-force/capture.pcapng.gz
}

wait_for_ssh() {
  for pid in $(jobs -p); do
    case " ${SERVERS[*]} $RECORDER " in *" $pid "*) ;; *) wait "$pid" || true ;; esac
  done
}

# Two machines in VLAN 10 and two in VLAN 20, the trunk between their switches recorded with its tags.
make_vlan() {
  ip link add wl-ta type veth peer name wl-tb
  ip link set wl-ta netns "$PREFIX-host" name trunk-a up
  ip link set wl-tb netns "$PREFIX-host" name trunk-b up
  local machine vlan port
  for machine in web:10 app:20 bastion:10 db:20; do
    vlan=${machine#*:}; machine=${machine%:*}
    port=acc-$machine
    ip link add wl-acc type veth peer name wl-peer
    ip link set wl-acc netns "$PREFIX-host" name "$port" up
    ip link set wl-peer netns "$PREFIX-$machine" name eth1
    within host ethtool -K "$port" tx off gso off gro off tso off >/dev/null
    within "$machine" ethtool -K eth1 tx off gso off gro off tso off >/dev/null
    case $machine in web | app) number=10 ;; *) number=20 ;; esac
    within "$machine" ip link set eth1 address "02:20:00:00:$vlan:$number" up
    within "$machine" ip addr add "10.30.$vlan.$number/24" dev eth1
    within "$machine" ip addr add "fd20:30:0:$vlan::$number/64" dev eth1 nodad
  done
  for port in trunk-a trunk-b; do within host ethtool -K "$port" tx off gso off gro off tso off >/dev/null; done
  serve host python3 ./vlan-switch.py trunk-a:10=acc-web,20=acc-app trunk-b:10=acc-bastion,20=acc-db
  sleep 2
  record host tcpdump -q -i trunk-a -s 192 --immediate-mode -w "$PWD/vlan/capture.pcap"
  fetch bastion http://10.30.10.10/
  fetch bastion http://10.30.10.10/page.txt
  fetch bastion 'http://[fd20:30:0:10::10]/'
  within app dig +short +tries=1 @10.30.20.20 www.lab.example >/dev/null
  within app ping -q -c 2 -i 0.2 10.30.20.20 >/dev/null
  fetch bastion http://10.30.10.10:8081/
  stop_recording
}

SAMPLES=(web resolver two-enis fragments port-scan ssh-brute-force vlan)
[[ $EUID -eq 0 ]] || { echo "samples/make.sh needs root to make network namespaces" >&2; exit 77; }
for name in "$@"; do
  [[ " ${SAMPLES[*]} " == *" $name "* ]] || { echo "no sample $name; there are ${SAMPLES[*]}" >&2; exit 2; }
done
[[ $# -gt 0 ]] && SAMPLES=("$@")
build_lab
start_servers
for name in "${SAMPLES[@]}"; do
  echo "$name"
  mkdir -p "$name"
  "make_${name//-/_}"
done
chmod a+r ./*/capture.*
ls -l ./*/capture.*
