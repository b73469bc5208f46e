//! The binary at a terminal, which util-linux's `script` gives it.

use std::{
    ffi::OsStr,
    io::{Read as _, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal, with somebody before it.
pub(crate) struct Terminal {
    script: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    text: String,
    pid_file: PathBuf,
}

impl Terminal {
    /// Starts a command of the tests at a terminal. `name` is its own in the command's folder.
    pub(crate) fn start(command: &Command, name: &str) -> Self {
        let quoted = |word: &OsStr| format!("'{}'", word.to_str().unwrap());
        let words: Vec<_> = [command.get_program()].into_iter().chain(command.get_args()).collect();
        let line = words.into_iter().map(quoted).collect::<Vec<_>>().join(" ");
        let folder = command.get_current_dir().unwrap();
        let pid_file = folder.join(format!("{name}.pid"));
        // Whoever started it goes on, and says how the terminal was left.
        let line = format!(
            "trap : INT; sh -c 'echo $$ > {name}.pid; exec \"$@\"' sh {line}; code=$?; stty -a; exit $code"
        );
        let mut script = Command::new("script");
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => script.env(key, value),
                None => script.env_remove(key),
            };
        }
        script.env("NO_COLOR", "1").env("SHELL", "/bin/sh").current_dir(folder);
        script.args(["-qec", &line, "/dev/null"]);
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = script.spawn().unwrap();
        let (keys, mut out) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
        let (tell, shown) = channel();
        thread::spawn(move || {
            let mut piece = vec![0; 4_096];
            while let Ok(n @ 1..) = out.read(&mut piece) {
                if tell.send(piece[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { script, keys, shown, text: String::new(), pid_file }
    }

    /// Waits until it asks this.
    pub(crate) fn until(&mut self, question: &str) {
        while !self.text.contains(question) {
            let Ok(piece) = self.shown.recv_timeout(PATIENCE) else {
                panic!("it never asks {question:?}: {}", self.text)
            };
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    /// Waits until it asks for a password, and what is typed is not shown any more: that is a moment after the question is.
    pub(crate) fn until_hidden(&mut self, question: &str) {
        self.until(question);
        let begun = Instant::now();
        let pid = std::fs::read_to_string(&self.pid_file).unwrap();
        let terminal = format!("/proc/{}/fd/0", pid.trim());
        loop {
            let modes = Command::new("stty").args(["-a", "-F", &terminal]).output().unwrap();
            if String::from_utf8_lossy(&modes.stdout).split_whitespace().any(|it| it == "-echo") {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "it never hides what is typed: {modes:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Ends what runs at the terminal as nothing can prevent.
    pub(crate) fn kill(&self) {
        self.signal("KILL");
    }

    /// Sends what runs at the terminal a signal, as somebody does who sits elsewhere.
    pub(crate) fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(&self.pid_file).unwrap();
        let sent = Command::new("kill").args([&format!("-{name}"), pid.trim()]).status().unwrap();
        assert!(sent.success());
    }

    /// Its exit code, 128 and the number of a signal that ended it, and all that was seen.
    pub(crate) fn end(mut self) -> (i32, String) {
        loop {
            match self.shown.recv_timeout(PATIENCE) {
                Ok(piece) => self.text.push_str(&String::from_utf8_lossy(&piece)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.kill();
                    panic!("it does not end: {}", self.text)
                }
            }
        }
        (self.script.wait().unwrap().code().unwrap_or(-1), self.text)
    }
}
