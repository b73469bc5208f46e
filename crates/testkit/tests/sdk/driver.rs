//! Phala's SDK, in a Node.js process of its own; see `contracts/test/sdk/driver.mjs`.

use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

/// How long a call of the SDK may take. It retries what does not answer, for some seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The SDK. It ends with this value.
pub(crate) struct Driver {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

/// What the SDK throws.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Thrown {
    /// Its class.
    pub(crate) name: String,
    /// What a tool prints of it.
    pub(crate) message: String,
    /// The data of the revert behind it, which no tool prints.
    pub(crate) revert: Option<String>,
}

impl Driver {
    pub(crate) fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert!(
            root.join("node_modules/@phala/cloud").exists(),
            "run `bin/setup` first: Phala's SDK is missing"
        );
        let mut child = Command::new("node")
            .arg(root.join("contracts/test/sdk/driver.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let input = child.stdin.take().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (found, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = found.send(line);
            }
        });
        Self { child, input, answers }
    }

    /// Calls a function of the SDK.
    pub(crate) fn call(&mut self, call: &str, with: Value) -> Result<Value, Thrown> {
        let request = json!({"call": call, "with": with});
        writeln!(self.input, "{request}").unwrap();
        let line = self
            .answers
            .recv_timeout(TIMEOUT)
            .unwrap_or_else(|e| panic!("{call} was not answered: {e}"));
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["said"], json!([]), "the SDK warns in {call}");
        let error = answer["error"].take();
        if error.is_null() {
            return Ok(answer["value"].take());
        }
        let text = |key: &str| error[key].as_str().map(str::to_owned);
        Err(Thrown {
            name: text("name").unwrap(),
            message: text("message").unwrap(),
            revert: text("revert"),
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
