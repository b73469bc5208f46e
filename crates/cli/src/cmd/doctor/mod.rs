//! `devproof doctor`: whether everything that devproof needs is there and does what it has to.

mod configuration;
mod contracts;
mod database;
mod key;
mod lines;
mod nodes;

pub use lines::{Diagnosis, Line, Result, Setting};

use crate::{
    Failure, Outcome,
    config::{self, Settings},
    opts::{DoctorArgs, Global},
    origins::Origins,
    shell::Shell,
};
use lines::Lines;
use std::{future::Future, time::Duration};

/// Runs the command. A configuration that makes no sense is one of the things that it tells.
///
/// # Errors
/// Only what keeps the answer from being written.
pub async fn run(
    args: DoctorArgs,
    global: Global,
    origins: &Origins,
    shell: &mut Shell,
) -> std::result::Result<Outcome, Failure> {
    let mut lines = Lines::default();
    let settings = configuration::look(&global, &mut lines);
    let told = configuration::settings(&global, origins);
    let limit = Limit(Duration::from_secs(args.timeout_seconds));
    diagnose(&args, &settings, limit, &mut lines).await;
    let diagnosis = lines.diagnosis(told);
    shell.answer(&diagnosis, || diagnosis.render())?;
    Ok(match diagnosis.result {
        Result::Fail => Outcome::No,
        Result::CouldNotTell => Outcome::CouldNotTell,
        Result::Pass | Result::Note => Outcome::Yes,
    })
}

async fn diagnose(args: &DoctorArgs, settings: &Settings, limit: Limit, lines: &mut Lines) {
    let indexing = settings.indexing(args.sources.clone());
    let found = nodes::look(settings, &indexing, limit, lines).await;
    database::look(settings, found.as_ref(), limit, lines).await;
    let signing = settings.signing(args.signing());
    key::look(&signing, found.as_ref(), limit, lines).await;
    contracts::look(&indexing.sources, found.as_ref(), limit, lines).await;
}

/// How long one line may take.
#[derive(Clone, Copy, Debug)]
struct Limit(Duration);

/// Why something was not found out.
enum Why<E> {
    /// What was asked says so.
    Said(E),
    /// It took too long.
    Late(Duration),
}

impl Limit {
    async fn within<T, E>(
        self,
        what: impl Future<Output = std::result::Result<T, E>>,
    ) -> std::result::Result<T, Why<E>> {
        match tokio::time::timeout(self.0, what).await {
            Ok(answer) => answer.map_err(Why::Said),
            Err(_) => Err(Why::Late(self.0)),
        }
    }
}

impl<E: std::fmt::Display> Why<E> {
    /// As a sentence without a full stop.
    fn sentence(&self) -> String {
        match self {
            Self::Said(error) => error.to_string(),
            Self::Late(limit) => format!("there was no answer in {} s", limit.as_secs()),
        }
    }
}

/// The settings without the file, where that makes no sense.
fn without_file(global: &Global) -> Settings {
    config::without_file(global.clone())
}
