#!/usr/bin/env bash
# Least privilege on a production cluster: the relay writes, consumers read, nobody deletes or alters.
#   acls.sh --bootstrap-server HOST:PORT --ledger LEDGER_ID --relay User:relay [--consumer NAME=User:name]... \
#           [--command-config admin.properties] [--kafka-acls PATH] [--dry-run]
# Run it as an administrator, with a broker that has an authorizer and allow.everyone.if.no.acl.found=false. Safe to repeat:
# an ACL that is there is added once more to no effect. Topics are made by the administrator (`edgeprint topic create`).
set -euo pipefail

usage() { sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }

kafka_acls=kafka-acls.sh bootstrap='' ledger='' relay='' dry_run=''
config=() consumers=()
while [ $# -gt 0 ]; do
  [ "$1" = --dry-run ] || [ $# -gt 1 ] || usage
  case "$1" in
    --bootstrap-server) bootstrap=$2; shift 2 ;;
    --ledger) ledger=$2; shift 2 ;;
    --relay) relay=$2; shift 2 ;;
    --consumer) consumers+=("$2"); shift 2 ;;
    --command-config) config=(--command-config "$2"); shift 2 ;;
    --kafka-acls) kafka_acls=$2; shift 2 ;;
    --dry-run) dry_run=1; shift ;;
    *) usage ;;
  esac
done
[ -n "$bootstrap" ] && [ -n "$ledger" ] && [ -n "$relay" ] || usage

contexts=(governance evidence identity capability production compliance rights delivery)
entries=() ; for context in "${contexts[@]}"; do entries+=(--topic "edgeprint.$context.v1"); done
checkpoints=(--topic edgeprint.checkpoints.v1)
positions=(--topic edgeprint.relay.v1)

add() {
  if [ -n "$dry_run" ]; then
    echo "$kafka_acls --bootstrap-server $bootstrap ${config[*]-} --add $*"
  else
    "$kafka_acls" --bootstrap-server "$bootstrap" ${config[@]+"${config[@]}"} --add "$@"
  fi
}

read_only=(--operation Read --operation Describe --operation DescribeConfigs)

# The relay reads what it wrote: its own position, and the tail of each partition.
add --allow-principal "$relay" "${read_only[@]}" --operation Write "${entries[@]}" "${checkpoints[@]}" "${positions[@]}"
add --allow-principal "$relay" --operation Write --operation Describe --transactional-id "edgeprint-relay-$ledger"

for consumer in ${consumers[@]+"${consumers[@]}"}; do
  name=${consumer%%=*} principal=${consumer#*=}
  [ "$name" != "$consumer" ] || usage
  add --allow-principal "$principal" "${read_only[@]}" "${entries[@]}" "${checkpoints[@]}"
  add --allow-principal "$principal" --operation Read --operation Describe --group "edgeprint.$name"
  # its own dead letters, the only topic that it writes, and may make
  add --allow-principal "$principal" "${read_only[@]}" --operation Write --operation Create --topic "edgeprint.dlq.$name.v1"
done
