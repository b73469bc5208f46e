//! The checklist: what to do, in which order, and what goes wrong otherwise.

use crate::config::{Config, Workflow};

/// The file.
pub(super) fn checklist(config: &Config, workflow: &Workflow) -> String {
    let app = format!("{:#x}", config.app);
    let Config { compose, out, remote, .. } = config;
    TEXT.replace("@APP@", &app)
        .replace("@COMPOSE@", compose)
        .replace("@OUT@", out)
        .replace("@REMOTE@", remote)
        .replace("@DEPLOY@", &workflow.deploy)
        .replace("@POLICY@", &workflow.policy)
}

const TEXT: &str = r#"
# Release checklist

Do the steps in this order. Do not go on where one does not do what it says. Each can be repeated: what is done is done once.

## Once

- [ ] The app's contract is an AppAuth: `devproof contract verify @APP@` ends with exit code 0.
- [ ] `@DEPLOY@` does step 8 below, with `DEPLOY_TOKEN` from its environment, and nothing else.
- [ ] `@POLICY@` says what is demanded of evidence (docs/attestation.md of devproof), the measurements of the OS image among it.
- [ ] The environment "production" of the repository has reviewers, and holds `DEPLOY_TOKEN`.
- [ ] The compose file is kept to the byte: `@COMPOSE@ -text` stands in `.gitattributes`.

## Each release

1. [ ] **Tag and build.** `git tag -s vX.Y.Z && git push @REMOTE@ vX.Y.Z`. The workflow builds each image twice and fails if the digests
   differ. Put the digests that it prints into the compose file within `@COMPOSE@`, never tags. Build again elsewhere, and compare.
2. [ ] **Commit and push** `@COMPOSE@`. Its exact bytes are the version: no formatter may touch it.
3. [ ] **Prepare only.** `phala deploy --prepare-only`, with `--pre-launch-script FILE` or `--no-pre-launch-script`. Save the answer as
   `prepared.json`. *Otherwise* the platform puts in a script of its own, which changes during the notice, and with it the hash.
4. [ ] **Announce.** `devproof propose @APP@ --compose @COMPOSE@ --platform prepared.json --source-digest COMMIT --source-url URL`, once with
   `--platform` for each replica: one with another name has another hash.
5. [ ] **The gate.** `devproof release check` ends with exit code 0. "unknown" is no "pass".
6. [ ] **Tell users**, publish what is announced: `devproof release publish`, commit `@OUT@`, push. Wait for the notice.
7. [ ] **Prepare again and activate**, within 14 days after the notice: `phala deploy --prepare-only`, save `prepared-again.json`, then
   `devproof activate @APP@ --compose @COMPOSE@ --platform prepared-again.json`. *Otherwise* the token of step 3 has expired, or the hash is
   another one by now and nothing boots.
8. [ ] **Commit the deployment by hand**: run the workflow "release" with the URL of the app's evidence. It runs the gate, then `@DEPLOY@`:
   `phala deploy --commit --token .. --compose-hash .. --transaction-hash already-registered`. *Never* `phala deploy` alone: it sends
   `addComposeHash` itself, which reverts during the notice.
9. [ ] **Evidence.** The workflow fails unless a quote shows this version of this app. Do not call the release done before.
10. [ ] **Publish.** `devproof release publish --evidence .. --collateral .. --time .. --policy @POLICY@`, then
    `devproof release verify @OUT@ --app @APP@` with another node than before. Commit `@OUT@`, push, and publish it where users look.
11. [ ] **Remove the version before**, once nothing runs it: `devproof remove @APP@ --compose OLD/app-compose.json`. *Otherwise* it is a way
    back that needs no notice. Removing stops nothing that runs, and takes no key back.
"#;
