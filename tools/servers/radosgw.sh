#!/bin/sh
# Runs a Ceph cluster of one disk in memory with an S3 gateway, all on 127.0.0.1, until it is told to stop.
# usage: radosgw.sh FOLDER GATEWAY-PORT MONITOR-PORT MONITOR-PORT-V1 FIRST-PORT-OF-50 ACCESS-KEY SECRET-KEY
# The file FOLDER/ready appears when it can be used. Nothing is kept: the memory store does not survive a restart.
set -eu
D=$1 GATEWAY=$2 MON=$3 MON1=$4 FIRST=$5 KEY=$6 SECRET=$7
C=$D/ceph.conf
mkdir -p "$D/mon" "$D/mgr" "$D/osd0" "$D/run" "$D/log" "$D/rgw"
PIDS=
stop() { trap - TERM INT EXIT; for p in $PIDS; do kill -9 "$p" 2>/dev/null || :; done; }
trap 'stop; exit 0' TERM INT
trap stop EXIT
start() { "$@" >>"$D/log/out" 2>&1 </dev/null & PIDS="$! $PIDS"; }
key() { ceph-authtool "$@" >/dev/null; }
say() { echo "radosgw.sh: $*"; }
# Whoever waits for the file `ready` decides what takes too long; this ends with a daemon that ends.
until_true() {
    say "waiting for $1"
    until eval "$1" >/dev/null 2>&1; do
        for p in $PIDS; do
            kill -0 "$p" 2>/dev/null || { tail -n 5 "$D/log/"*; say "a daemon ended"; exit 1; }
        done
        sleep 0.2
    done
}

ID=$(cat /proc/sys/kernel/random/uuid)
cat >"$C" <<END
[global]
fsid = $ID
mon initial members = a
mon host = [v2:127.0.0.1:$MON,v1:127.0.0.1:$MON1]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
mon allow pool size one = true
mon warn on pool no redundancy = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
osd pool default pgp num = 2
osd pool default pg autoscale mode = off
mon max pg per osd = 2000
osd crush chooseleaf type = 0
run dir = $D/run
pid file = $D/run/\$name.pid
admin socket = $D/run/\$name.asok
log file = $D/log/\$name.log
keyring = $D/keyring
ms bind ipv6 = false
ms bind port min = $FIRST
ms bind port max = $((FIRST + 49))
[mon.a]
mon data = $D/mon
mon data avail crit = 1
mon data avail warn = 2
[mgr.x]
mgr data = $D/mgr
mgr initial modules =
[osd.0]
osd data = $D/osd0
osd objectstore = memstore
memstore device bytes = 2147483648
osd class load list = *
osd class default list = *
[client.rgw]
rgw data = $D/rgw
rgw frontends = beast endpoint=127.0.0.1:$GATEWAY
rgw thread pool size = 16
END
key --create-keyring "$D/keyring" --gen-key -n mon. --cap mon 'allow *'
key "$D/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' --cap mds 'allow *'
key "$D/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'
key "$D/keyring" --gen-key -n mgr.x --cap mon 'allow profile mgr' --cap osd 'allow *' --cap mds 'allow *'
key "$D/keyring" --gen-key -n client.rgw --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
monmaptool --create --clobber --fsid "$ID" --addv a "[v2:127.0.0.1:$MON,v1:127.0.0.1:$MON1]" "$D/monmap" >/dev/null
ceph-mon -c "$C" --mkfs -i a --monmap "$D/monmap" --keyring "$D/keyring"
start ceph-mon -c "$C" -i a -f
until_true "ceph -c '$C' --connect-timeout 5 mon stat"
start ceph-mgr -c "$C" -i x -f
say "making a disk"
DISK=$(cat /proc/sys/kernel/random/uuid)
ceph -c "$C" --connect-timeout 60 osd new "$DISK" 0 >/dev/null
ceph-osd -c "$C" -i 0 --mkfs --osd-uuid "$DISK" >>"$D/log/out" 2>&1
start ceph-osd -c "$C" -i 0 -f
until_true "ceph -c '$C' osd stat | grep -q '1 up'"
start radosgw -c "$C" -n client.rgw -f
say "making a user"
radosgw-admin -c "$C" user create --uid t --display-name t --access-key "$KEY" --secret-key "$SECRET" \
    --caps 'usage=read;buckets=read' >/dev/null 2>>"$D/log/out"
until_true "curl -s -o /dev/null http://127.0.0.1:$GATEWAY/"
: >"$D/ready"
wait
