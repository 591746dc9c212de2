#!/usr/bin/env bash
# Runs SeaweedFS with its S3 gateway on 127.0.0.1 until it is told to stop; all its daemons are one process.
#
# usage: seaweedfs.sh WEED FOLDER PORT-OF-S3 ACCESS-KEY SECRET-KEY SEVEN-MORE-PORTS
set -euo pipefail
weed=$1 folder=$2 port=$3 key=$4 secret=$5
shift 5
mkdir -p "$folder/data"
cat >"$folder/identities.json" <<END
{"identities": [{"name": "tests", "credentials": [{"accessKey": "$key", "secretKey": "$secret"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
END
# It tells nobody outside that it runs, and opens no port that was not given.
"$weed" -logtostderr server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir="$folder/data" -master.telemetry=false \
    -volume.max=0 -master.volumeSizeLimitMB=64 -filer -filer.localSocket="$folder/filer" \
    -s3 -s3.config="$folder/identities.json" -s3.localSocket="$folder/s3" -s3.port.iceberg=0 -s3.port.lance=0 \
    -s3.port="$port" -s3.port.grpc="$1" -master.port="$2" -master.port.grpc="$3" -volume.port="$4" \
    -volume.port.grpc="$5" -filer.port="$6" -filer.port.grpc="$7" &
child=$!
# What it holds is of no use to anybody; it would take some seconds to put it away. Its sockets have fixed places.
stop() {
    kill -KILL "$child" 2>/dev/null || true
    rm -f "/tmp/seaweedfs-"{master,volume,filer,s3}-grpc-{"$1","$3","$5","$7"}.sock
}
trap 'stop "$@"; exit 0' TERM INT
wait "$child" || true
stop "$@"
