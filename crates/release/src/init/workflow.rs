//! The workflow for GitHub Actions. It uses no action of anybody, so that there is none to pin: git, curl and docker are on
//! the runner. Values get into it only after [`Config::checked`](crate::Config::checked) let them pass, and into scripts only as
//! variables of the environment.

use crate::config::{Config, Workflow};

/// What stands in the template for a value.
pub const MARKS: [&str; 11] = [
    "@APP@",
    "@CHAIN@",
    "@COMPOSE@",
    "@OUT@",
    "@TOOL_URL@",
    "@TOOL_SHA256@",
    "@BUILDKIT@",
    "@DEPLOY@",
    "@POLICY@",
    "@IMAGES@",
    "@REGISTRY@",
];

/// The file.
pub(super) fn workflow(config: &Config, workflow: &Workflow) -> String {
    let image =
        |it: &crate::Build| format!("        {} {} {}\n", it.name, it.context, it.dockerfile);
    let images: String = workflow.images.iter().map(image).collect();
    let registry = workflow
        .images
        .first()
        .map_or("ghcr.io", |it| it.name.split('/').next().unwrap_or_default());
    let values = [
        format!("{:#x}", config.app),
        config.chain.to_string(),
        config.compose.clone(),
        config.out.clone(),
        workflow.tool_url.clone(),
        workflow.tool_sha256.clone(),
        workflow.buildkit.clone(),
        workflow.deploy.clone(),
        workflow.policy.clone(),
        images,
        registry.to_owned(),
    ];
    let build = if workflow.images.is_empty() { "" } else { BUILD };
    let template = format!("{HEAD}{build}{DEPLOY}").replace("@SOURCE@", SOURCE);
    MARKS.iter().zip(values).fold(template, |text, (mark, value)| text.replace(mark, &value))
}

const HEAD: &str = r#"#
# Builds on a tag. Deploys by hand only, behind the environment "production" (give it reviewers in the settings of the
# repository), after the gate, and fails unless evidence shows that what was released is what runs.
#
# Settings of the repository:
#   variable RPC_URL          a node of chain @CHAIN@ that keeps old state
#   secret   DEPLOY_TOKEN     in the environment "production" alone: what @DEPLOY@ needs
#   variable REGISTRY_USER, secret REGISTRY_TOKEN   only if images do not go to ghcr.io
name: release

on:
  push:
    tags: ["v*"]
  workflow_dispatch:
    inputs:
      evidence:
        description: "https:// URL at which the running app gives a quote for its evidence"
        required: true
        type: string

# Nothing, but for what a job says it needs.
permissions: {}

concurrency:
  group: release
  cancel-in-progress: false

defaults:
  run:
    shell: bash

jobs:
"#;

/// The source, without an action: the very commit, and nothing that stays behind on the runner.
const SOURCE: &str = r#"      - name: Get the source
        env:
          TOKEN: ${{ github.token }}
        run: |
          auth="$(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)"
          echo "::add-mask::$auth"
          export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraheader
          export GIT_CONFIG_VALUE_0="Authorization: Basic $auth"
          git init --quiet .
          git remote add origin "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"
          git fetch --quiet --tags origin "$GITHUB_SHA"
          git checkout --quiet --detach "$GITHUB_SHA"
"#;

const BUILD: &str = r#"  build:
    if: github.event_name == 'push'
    runs-on: ubuntu-24.04
    timeout-minutes: 120
    permissions:
      contents: read
      packages: write
    env:
      BUILDKIT: "@BUILDKIT@"
      REGISTRY: "@REGISTRY@"
      # Image, context, Dockerfile.
      IMAGES: |
@IMAGES@    steps:
@SOURCE@
      - name: Build each image twice, and push it only if both are the same
        env:
          REGISTRY_USER: ${{ vars.REGISTRY_USER || github.actor }}
          REGISTRY_TOKEN: ${{ secrets.REGISTRY_TOKEN || github.token }}
        run: |
          SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"
          export SOURCE_DATE_EPOCH
          printf '%s' "$REGISTRY_TOKEN" | docker login "$REGISTRY" --username "$REGISTRY_USER" --password-stdin
          docker buildx create --name release --driver docker-container --driver-opt "image=$BUILDKIT" --bootstrap
          build() {
            docker buildx build --builder release --no-cache --pull --platform linux/amd64 \
              --provenance=false --sbom=false --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" \
              --file "$3" --metadata-file "$RUNNER_TEMP/built.json" \
              --output "type=image,name=$1,oci-mediatypes=true,rewrite-timestamp=true,$4" "$2" >&2
            jq --exit-status --raw-output '."containerimage.digest"' "$RUNNER_TEMP/built.json"
          }
          while read -r name context dockerfile; do
            [ -n "$name" ] || continue
            first="$(build "$name" "$context" "$dockerfile" push=false </dev/null)"
            second="$(build "$name" "$context" "$dockerfile" push=true,push-by-digest=true </dev/null)"
            if [ "$first" != "$second" ]; then
              echo "::error::$name is not reproducible: $first, then $second"
              exit 1
            fi
            echo "\`$name@$first\`" >> "$GITHUB_STEP_SUMMARY"
          done <<< "$IMAGES"

"#;

const DEPLOY: &str = r#"  deploy:
    if: github.event_name == 'workflow_dispatch'
    runs-on: ubuntu-24.04
    timeout-minutes: 60
    environment: production
    permissions:
      contents: read
    env:
      APP: "@APP@"
      CHAIN: "@CHAIN@"
      COMPOSE: "@COMPOSE@"
      OUT: "@OUT@"
      POLICY: "@POLICY@"
      RPC_URL: ${{ vars.RPC_URL }}
    steps:
@SOURCE@
      - name: Get devproof, if it is the one that was looked at
        env:
          TOOL_URL: "@TOOL_URL@"
          TOOL_SHA256: "@TOOL_SHA256@"
        run: |
          curl --fail --silent --show-error --location --proto '=https' --max-filesize 200000000 \
            --output "$RUNNER_TEMP/devproof" "$TOOL_URL"
          echo "$TOOL_SHA256  $RUNNER_TEMP/devproof" | sha256sum --check --strict
          chmod +x "$RUNNER_TEMP/devproof"

      - name: The gate
        env:
          TOKEN: ${{ github.token }}
        run: |
          auth="$(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)"
          echo "::add-mask::$auth"
          export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraheader
          export GIT_CONFIG_VALUE_0="Authorization: Basic $auth"
          "$RUNNER_TEMP/devproof" release check --rpc-url "$RPC_URL"

      - name: The version has to be in force, not only announced
        run: |
          "$RUNNER_TEMP/devproof" status "$APP" --compose "$COMPOSE" --chain "$CHAIN" --rpc-url "$RPC_URL"

      - name: Deploy
        env:
          DEPLOY_TOKEN: ${{ secrets.DEPLOY_TOKEN }}
        run: |
          "./@DEPLOY@"

      - name: Evidence, without which this fails
        env:
          EVIDENCE: ${{ inputs.evidence }}
        run: |
          curl --fail --silent --show-error --proto '=https' --max-filesize 4000000 --retry 10 --retry-all-errors --retry-delay 30 \
            --output "$RUNNER_TEMP/evidence.json" -- "$EVIDENCE"
          "$RUNNER_TEMP/devproof" verify "$RUNNER_TEMP/evidence.json" --compose "$COMPOSE" --policy "$POLICY" \
            --collateral-cache "$RUNNER_TEMP/collateral"

      - name: Publish, and verify it as others do
        run: |
          now="$(date +%s)"
          collateral="$(find "$RUNNER_TEMP/collateral" -type f -name '*.json' -print -quit)"
          "$RUNNER_TEMP/devproof" release publish --rpc-url "$RPC_URL" --policy "$POLICY" \
            --evidence "$RUNNER_TEMP/evidence.json" --collateral "$collateral" --time "$now"
          "$RUNNER_TEMP/devproof" release verify "$OUT" --app "$APP" --rpc-url "$RPC_URL" --policy "$POLICY"
          cat "$OUT/VERIFICATION-REPORT.md" >> "$GITHUB_STEP_SUMMARY"
"#;
