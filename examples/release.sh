#!/usr/bin/env bash
# A release with the platform's tool and devproof, step by step: prepare-only, propose, wait, activate, commit.
# docs/release.md names the trap behind each step. Each step may be run again: what is done is done once.
#
#   APP=0x.. RPC_URL=https://.. CHAIN=8453 examples/release.sh announce
#   ... wait for the notice ...
#   APP=0x.. RPC_URL=https://.. CHAIN=8453 examples/release.sh activate
#   TOKEN=.. examples/release.sh commit
#   EVIDENCE=https://.. examples/release.sh publish
set -euo pipefail

compose="${COMPOSE:-app-compose.json}"
out="${OUT:-release}"
policy="${POLICY:-evidence-policy.toml}"
export DEVPROOF_RPC_URL="${RPC_URL:-${DEVPROOF_RPC_URL:-}}" DEVPROOF_CHAIN="${CHAIN:-${DEVPROOF_CHAIN:-}}"

# The answer of the platform: which hash it will run. The pre-launch script is given, or there is none: never its own.
prepare() {
  if [ -n "${PRE_LAUNCH_SCRIPT:-}" ]; then
    phala deploy --prepare-only --pre-launch-script "$PRE_LAUNCH_SCRIPT" --json > "$1"
  else
    phala deploy --prepare-only --no-pre-launch-script --json > "$1"
  fi
}

case "${1:-}" in
  announce)
    prepare prepared.json
    devproof propose "$APP" --compose "$compose" --platform prepared.json \
      --source-digest "$(git rev-parse HEAD)" --source-url "$(git remote get-url origin)"
    devproof release check
    ;;
  activate)
    # The token of before has expired, and the platform may make something else of the same input by now.
    prepare prepared-again.json
    devproof activate "$APP" --compose "$compose" --platform prepared-again.json --when-ripe
    ;;
  commit)
    # Only what is in force: a commit before would take the app down.
    devproof status "$APP" --compose "$compose"
    hash="$(sha256sum "$compose" | cut -d' ' -f1)"
    # Never `phala deploy` alone: it sends addComposeHash by itself.
    phala deploy --commit --token "$TOKEN" --compose-hash "$hash" --transaction-hash already-registered
    ;;
  publish)
    curl --fail --silent --show-error --proto '=https' --max-filesize 4000000 --output evidence.json -- "$EVIDENCE"
    rm -rf collateral.kept
    devproof verify evidence.json --compose "$compose" --policy "$policy" --collateral-cache collateral.kept
    collateral="$(find collateral.kept -type f -name '*.json' -print -quit)"
    devproof release publish --policy "$policy" --evidence evidence.json --collateral "$collateral" --time "$(date +%s)"
    devproof release verify "$out" --app "$APP" --policy "$policy"
    ;;
  *)
    echo "usage: $0 announce | activate | commit | publish" >&2
    exit 64
    ;;
esac
