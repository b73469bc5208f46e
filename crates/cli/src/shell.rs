//! The only place that prints. Answers go to standard output, everything else to standard error.

use crate::{Failure, cmd::stop, opts::Global};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use secrecy::SecretString;
use serde::Serialize;
use std::{
    fmt,
    io::{self, IsTerminal, Write},
};
use tokio::task::AbortHandle;
use tracing_subscriber::EnvFilter;

/// What may be printed, and how.
#[derive(Clone, Debug)]
pub struct Shell {
    quiet: bool,
    json: bool,
    verbose: u8,
    /// Colour on standard error, which has the only coloured word.
    colour: bool,
    terminal: bool,
    /// Ends the process at Ctrl-C, once a password was asked for.
    leaving: Option<AbortHandle>,
}

impl Shell {
    /// A shell as the global flags want it. Colour needs a terminal and no `NO_COLOR`.
    #[must_use]
    pub fn new(global: &Global) -> Self {
        let terminal = io::stderr().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let Global { quiet, json, verbose, .. } = *global;
        Self { quiet, json, verbose, colour: terminal && !no_colour, terminal, leaving: None }
    }

    /// Sends the log of this process to standard error.
    pub fn start_log(&self) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => "error",
            (false, 0) => "warn",
            (false, 1) => "info",
            (false, _) => "debug",
        };
        let log = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(self.colour);
        // These put the whole URL of a node before each line, and keys of hosted nodes stand in it.
        let filter = format!("{level},alloy_transport_http=error,alloy_transport_ws=error");
        // Fails only if a log was started before, which then stays.
        let _ = log.with_env_filter(EnvFilter::new(filter)).try_init();
    }

    /// Prints an answer: the document with `--json`, words otherwise, nothing with `--quiet`.
    ///
    /// # Errors
    /// What writing says; a broken pipe is [`Failure::BrokenPipe`].
    pub fn answer(
        &mut self,
        document: &impl Serialize,
        words: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json { self.document(document) } else { self.print(&words()) }
    }

    /// Prints a document as JSON, whatever the flags say of its form. Characters that a terminal could take for
    /// more than text are escaped, which JSON allows wherever they may stand.
    ///
    /// # Errors
    /// As for [`answer`](Self::answer).
    pub fn document(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document).map_err(|e| {
            Failure::CouldNotTell(format!("the document could not be written ({e})"))
        })?;
        let escaped = |c: char| match c {
            '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                format!("\\u{:04x}", u32::from(c))
            }
            c => c.to_string(),
        };
        if text.is_ascii() && !text.contains('\u{7f}') {
            return self.print(&text);
        }
        self.print(&text.chars().map(escaped).collect::<String>())
    }

    /// Tells people what is about to happen, before the answer: beside it where the answer is a document.
    ///
    /// # Errors
    /// As for [`answer`](Self::answer).
    pub fn tell(&mut self, text: &str) -> Result<(), Failure> {
        if self.json {
            self.note(text.trim_end());
            return Ok(());
        }
        self.print(text)
    }

    /// Prints words that make up an answer.
    ///
    /// # Errors
    /// As for [`answer`](Self::answer).
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(text.trim_end().as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(())
    }

    /// Tells how things go on.
    pub fn note(&mut self, note: &str) {
        if !self.quiet {
            self.line(note);
        }
    }

    /// Says why there is no answer.
    pub fn failure(&mut self, failure: &Failure) {
        let (Failure::Usage(why) | Failure::CouldNotTell(why)) = failure else { return };
        let error = if self.colour { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
        self.line(&format!("{error} {why}."));
    }

    /// Says something that must be seen, also where nothing else is.
    pub fn warn(&mut self, warning: &str) {
        let word = if self.colour { "\u{1b}[1;33mwarning:\u{1b}[0m" } else { "warning:" };
        self.line(&format!("{word} {warning}"));
    }

    /// Asks a question that is answered with yes or no. `None` if there is nobody at a terminal to answer.
    ///
    /// # Errors
    /// If the answer cannot be read.
    pub fn ask(&mut self, question: &str) -> Result<Option<bool>, Failure> {
        if !self.terminal || !io::stdin().is_terminal() {
            return Ok(None);
        }
        let _ = write!(io::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|e| Failure::CouldNotTell(format!("the answer could not be read ({e})")))?;
        Ok(Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")))
    }

    /// Asks for a password, which is not shown. `None` if there is nobody at a terminal to answer. Needs a runtime. From then on
    /// Ctrl-C ends the process with an exit code, and not by itself: it would leave a terminal that shows nothing.
    ///
    /// # Errors
    /// If the answer cannot be read; [`Failure::Interrupted`] for Ctrl-C.
    pub fn ask_password(&mut self, what: &str) -> Result<Option<SecretString>, Failure> {
        if !self.terminal || !io::stdin().is_terminal() {
            return Ok(None);
        }
        let interrupts = stop::interrupts();
        // Of the question before: it would not wait until the terminal shows again what is typed.
        if let Some(leaving) = self.leaving.take() {
            leaving.abort();
        }
        // The terminal is as it was when this returns, also for Ctrl-C.
        let password = rpassword::prompt_password(format!("{what}: "));
        if password.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::Interrupted) {
            return Err(Failure::Interrupted);
        }
        let leaving = tokio::spawn(async move {
            interrupts.await;
            std::process::exit(Failure::Interrupted.code().into());
        });
        self.leaving = Some(leaving.abort_handle());
        password
            .map(|it| Some(it.into()))
            .map_err(|e| Failure::CouldNotTell(format!("the password could not be read ({e})")))
    }

    /// A progress bar over blocks, where there is somebody to watch it.
    #[must_use]
    pub fn progress_bar(&self) -> Option<ProgressBar> {
        if self.quiet || self.json || !self.terminal {
            return None;
        }
        let bar = ProgressBar::new(0);
        let style = "{bar:40} {msg}, {rate} blocks/s, {eta} left";
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // There is nobody to tell if it cannot be drawn.
            let _ = write!(out, "{:.0}", state.per_sec());
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.with_key("rate", rate));
        }
        Some(bar)
    }

    /// There is nobody left to tell if standard error is closed.
    fn line(&self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}
