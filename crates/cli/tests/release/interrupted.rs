//! Interrupted anywhere, nothing is half done, and the next run picks up.

use crate::{
    bench::{OWNER, said, start},
    stage::Stage,
};
use devproof_testkit::proxy::{Breaking, Lost};
use std::{collections::BTreeMap, fs, path::Path, time::Duration};

const INIT: [&str; 11] = [
    "init",
    "--app",
    "APP",
    "--tool-url",
    "https://tools.example/devproof",
    "--tool-sha256",
    "abababababababababababababababababababababababababababababababab",
    "--buildkit",
    "moby/buildkit@sha256:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
    "--deploy",
    "deploy.sh",
];

async fn announced() -> Stage {
    let stage = Stage::new().await;
    assert_eq!(stage.release(&INIT).code, 0);
    stage.commit_and_push("feat: the first release");
    let propose = ["propose", "APP", "--compose", "app-compose.json", "--yes"];
    assert_eq!(stage.world.run(OWNER, &propose).code, 0);
    stage
}

/// The files in a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().display().to_string();
                all.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn at_each_question_to_the_node() {
    let stage = announced().await;
    let folder = stage.world.dir.path().join("release");
    let publish = |url: &str| {
        said(stage.world.command().env("DEVPROOF_RPC_URL", url).args(["release", "publish"]))
    };
    let node = stage.world.bench.anvil.url();
    let (mut most, mut failed) = (0, 0);
    loop {
        let way = Breaking::after(most, node, Lost::Question).await.unwrap();
        let ended = publish(way.url());
        if ended.code == 0 {
            break;
        }
        failed += 1;
        assert_eq!(ended.code, 2, "after {most} questions: {ended:?}");
        assert!(!folder.exists(), "after {most} questions something was written");
        most += 1;
        assert!(most < 200, "it never ends: {ended:?}");
    }
    assert!(failed > 3, "only {failed} questions were interrupted");
    let whole = files(&folder);
    assert_eq!(whole.len(), 6, "{:?}", whole.keys());
    // Nor does an interrupted one change what was published.
    let way = Breaking::after(2, node, Lost::Question).await.unwrap();
    assert_eq!(publish(way.url()).code, 2);
    assert_eq!(files(&folder), whole);
    stage.carry_over();
    assert_eq!(stage.elsewhere(&["verify", "files", "--app", "APP"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment() {
    let stage = announced().await;
    let folder = stage.world.dir.path().join("release");
    assert_eq!(stage.release(&["publish"]).code, 0);
    let whole = files(&folder);
    let began = std::time::Instant::now();
    assert_eq!(stage.release(&["publish"]).code, 0);
    let took = began.elapsed();
    let mut unfinished = 0;
    for n in 0..40_u32 {
        fs::remove_dir_all(&folder).unwrap();
        let mut child = start(stage.world.command().args(["release", "publish"]));
        // The second half is where files are written.
        tokio::time::sleep(took / 2 + took * n / 50).await;
        let _ = child.kill();
        child.wait().unwrap();
        let left = files(&folder);
        for (name, content) in &left {
            if name.contains(".devproof-unfinished-") {
                continue;
            }
            assert_eq!(whole.get(name), Some(content), "{name} is half there after {n}");
        }
        unfinished += usize::from(left.len() != whole.len());
        assert_eq!(stage.release(&["publish"]).code, 0);
        assert_eq!(files(&folder), whole, "the next run picks up, and sweeps");
    }
    assert!(unfinished > 0, "it was never interrupted");
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn init_keeps_what_it_finds() {
    let stage = Stage::new().await;
    // Somebody's own workflow of that name.
    fs::create_dir_all(stage.world.dir.path().join(".github/workflows")).unwrap();
    stage.world.file(".github/workflows/release.yml", "ours: yes\n");
    let said = stage.release(&INIT);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("kept      .github/workflows/release.yml"), "{said:?}");
    let read = || {
        fs::read_to_string(stage.world.dir.path().join(".github/workflows/release.yml")).unwrap()
    };
    assert_eq!(read(), "ours: yes\n");
    // What is configured is not passed over in silence.
    let other = stage.release(&["init", "--deploy", "other.sh"]);
    assert_eq!(other.code, 64, "{other:?}");
    assert!(other.err.contains("says something else than --deploy"), "{other:?}");
    // The rest is there; what is kept is not forgotten.
    assert_eq!(stage.release(&INIT).code, 1);
    assert_eq!(stage.release(&["init", "--force"]).code, 0);
    assert_ne!(read(), "ours: yes\n");
}
