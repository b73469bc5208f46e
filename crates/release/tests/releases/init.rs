//! What is laid into a repository, held to the rules that it is there for.

use devproof_compose::services::yaml::{self, Node};
use devproof_release::{
    Config, ReleaseError,
    init::{CHECKLIST_FILE, Laid, MARKS, WORKFLOW_FILE, init},
};
use std::fs;
use tempfile::TempDir;

fn config() -> Config {
    let (sha, digest) = ("ab".repeat(32), "cd".repeat(32));
    Config::parse(&format!(
        "chain = 8453\napp = \"0x52908400098527886e0f7030069857d2e4169ee7\"\n\
         [workflow]\ntool-url = \"https://tools.example/devproof\"\ntool-sha256 = \"{sha}\"\nbuildkit = \"moby/buildkit@sha256:{digest}\"\n\
         deploy = \"deploy.sh\"\n[[workflow.image]]\nname = \"ghcr.io/acme/app\"\n[[workflow.image]]\nname = \"ghcr.io/acme/side\"\ncontext = \"side\"\n"
    ))
    .unwrap()
}

fn laid(dir: &TempDir, config: &Config, force: bool) -> Vec<Laid> {
    init(dir.path(), config, force).unwrap().into_iter().map(|(_, laid)| laid).collect()
}

#[test]
fn a_second_time_nothing_changes_and_what_somebody_changed_stays() {
    let dir = TempDir::new().unwrap();
    assert_eq!(laid(&dir, &config(), false), [Laid::Written; 3]);
    assert_eq!(laid(&dir, &config(), false), [Laid::Unchanged; 3]);
    assert_eq!(Config::load(dir.path()).unwrap(), config());
    let path = dir.path().join(WORKFLOW_FILE);
    let before = fs::read_to_string(&path).unwrap();
    // Nobody changed it, and the configuration is another one.
    let mut other = config();
    other.chain = 1;
    assert_eq!(laid(&dir, &other, false), [Laid::Unchanged, Laid::Updated, Laid::Unchanged]);
    assert_eq!(laid(&dir, &config(), false)[1], Laid::Updated);
    fs::write(&path, before.replace("timeout-minutes: 60", "timeout-minutes: 61")).unwrap();
    assert_eq!(laid(&dir, &config(), false), [Laid::Unchanged, Laid::Kept, Laid::Unchanged]);
    assert!(fs::read_to_string(&path).unwrap().contains("timeout-minutes: 61"));
    assert_eq!(laid(&dir, &config(), true), [Laid::Unchanged, Laid::Forced, Laid::Unchanged]);
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    // Somebody's own file of that name.
    fs::write(dir.path().join(CHECKLIST_FILE), "ours").unwrap();
    assert_eq!(laid(&dir, &config(), false)[2], Laid::Kept);
    let nothing = Config { workflow: None, ..config() };
    assert!(matches!(init(dir.path(), &nothing, false), Err(ReleaseError::Config(_))));
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::text)
}

/// Every rule that the workflow breaks.
fn broken(workflow: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let root = yaml::parse(workflow).unwrap_or_else(|e| panic!("{e}"));
    if !root.get("permissions").is_some_and(|it| it.mapping().is_empty()) {
        broken.push("the workflow has permissions of its own".to_owned());
    }
    let on: Vec<_> =
        root.get("on").unwrap().mapping().iter().map(|(name, _)| name.as_str()).collect();
    if on != ["push", "workflow_dispatch"] {
        broken.push(format!("it runs on {on:?}"));
    }
    for (name, job) in root.get("jobs").unwrap().mapping() {
        let permissions: Vec<_> = (job.get("permissions").unwrap().mapping().iter())
            .map(|(what, how)| format!("{what}: {}", how.text().unwrap()))
            .collect();
        let needed: &[&str] = match name.as_str() {
            "build" => &["contents: read", "packages: write"],
            _ => &["contents: read"],
        };
        if permissions != needed {
            broken.push(format!("{name} may {permissions:?}"));
        }
        for (n, step) in job.get("steps").unwrap().items().iter().enumerate() {
            if let Some(uses) = text(step, "uses") {
                let pinned = uses.split_once('@').is_some_and(|(_, at)| {
                    at.len() == 40 && at.bytes().all(|b| b.is_ascii_hexdigit())
                });
                if !pinned {
                    broken.push(format!("{name}, step {n} uses {uses}"));
                }
            }
            if text(step, "run").is_some_and(|run| run.contains("${{")) {
                broken.push(format!("{name}, step {n} has an expression in its script"));
            }
            let secret = step.flat().contains("secrets.DEPLOY_TOKEN");
            if secret && job.get("environment").is_none() {
                broken.push(format!("{name}, step {n} has a secret outside of an environment"));
            }
        }
    }
    let deploy = root.get("jobs").unwrap().get("deploy").unwrap();
    if text(deploy, "if") != Some("github.event_name == 'workflow_dispatch'")
        || text(deploy, "environment") != Some("production")
    {
        broken.push("it deploys without anybody's hand".to_owned());
    }
    let at = |what: &str| {
        let steps = deploy.get("steps").unwrap().items();
        let found =
            steps.iter().position(|step| text(step, "run").is_some_and(|run| run.contains(what)));
        found.unwrap_or_else(|| panic!("no step with {what}"))
    };
    let order = [
        at("sha256sum --check"),
        at("release check"),
        at("./deploy.sh"),
        at("verify \"$RUNNER_TEMP/evidence.json\""),
        at("release verify"),
    ];
    if !order.is_sorted() {
        broken.push(format!("the steps come as {order:?}"));
    }
    for what in ["continue-on-error", "|| true", "set +e", "pull_request_target", "always()"] {
        if workflow.contains(what) {
            broken.push(format!("it has {what}"));
        }
    }
    broken
}

#[test]
fn the_workflow_keeps_the_rules() {
    let dir = TempDir::new().unwrap();
    init(dir.path(), &config(), false).unwrap();
    let workflow = fs::read_to_string(dir.path().join(WORKFLOW_FILE)).unwrap();
    assert_eq!(broken(&workflow), [""; 0]);
    let checklist = fs::read_to_string(dir.path().join(CHECKLIST_FILE)).unwrap();
    for text in [&workflow, &checklist] {
        assert!(
            MARKS.iter().all(|mark| !text.contains(mark)) && !text.contains("@SOURCE@"),
            "{text}"
        );
    }
    for needed in [
        "SOURCE_DATE_EPOCH",
        "rewrite-timestamp=true",
        "push-by-digest=true",
        "        ghcr.io/acme/side side Dockerfile\n",
    ] {
        assert!(workflow.contains(needed), "{needed}");
    }
    // The rules can be broken.
    for (from, to) in [
        ("permissions: {}", "permissions: {contents: write}"),
        ("packages: write", "packages: write\n      id-token: write"),
        ("\"./deploy.sh\"", "\"./deploy.sh\" ${{ inputs.evidence }}"),
        ("    environment: production\n", ""),
        ("    if: github.event_name == 'workflow_dispatch'\n", ""),
        ("      - name: Deploy\n", "      - uses: actions/checkout@v4\n      - name: Deploy\n"),
        (
            "        run: |\n          \"./deploy.sh\"",
            "        continue-on-error: true\n        run: |\n          \"./deploy.sh\"",
        ),
    ] {
        let other = workflow.replace(from, to);
        assert_ne!(other, workflow, "{from}");
        assert!(!broken(&other).is_empty(), "{to} is not found");
    }
}

/// Every script is one that bash reads, and the source gets where it should with plain git.
#[test]
fn the_scripts_are_scripts() {
    let dir = TempDir::new().unwrap();
    init(dir.path(), &config(), false).unwrap();
    let workflow = fs::read_to_string(dir.path().join(WORKFLOW_FILE)).unwrap();
    let root = yaml::parse(&workflow).unwrap();
    let mut scripts = 0;
    for (_, job) in root.get("jobs").unwrap().mapping() {
        for step in job.get("steps").unwrap().items() {
            let run = text(step, "run").unwrap();
            let path = dir.path().join("script.sh");
            fs::write(&path, run).unwrap();
            let read = std::process::Command::new("bash").arg("-n").arg(&path).output().unwrap();
            assert!(read.status.success(), "{run}: {}", String::from_utf8_lossy(&read.stderr));
            scripts += 1;
        }
    }
    assert_eq!(scripts, 9);
}
