//! How a command ends, and its exit code: 0 yes or done, 1 no, 2 could not tell, 64 usage.

use devproof_api::{AnswerError, Surface};
use devproof_chain::ChainError;
use devproof_indexer::IndexError;
use devproof_operator::OperatorError;
use devproof_store::StoreError;
use std::{io, process::ExitCode};

/// Exit code of a command line that makes no sense (`EX_USAGE`).
pub(crate) const USAGE: u8 = 64;

/// Exit code of what Ctrl-C stopped, as shells tell it: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// How a command ended that could do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or: yes.
    Yes,
    /// What was asked about does not hold.
    No,
    /// There is an answer, and it is that nobody can tell.
    CouldNotTell,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Yes => Self::SUCCESS,
            Outcome::No => Self::from(1),
            Outcome::CouldNotTell => Self::from(2),
        }
    }
}

/// Why a command could not do what it was asked. One sentence that says what to do, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The command line or the configuration makes no sense.
    Usage(String),
    /// The answer could not be had.
    CouldNotTell(String),
    /// Somebody stopped it with Ctrl-C.
    Interrupted,
    /// Nobody reads what we write: nothing is wrong.
    BrokenPipe,
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::CouldNotTell(_) => 2,
            Self::Interrupted => INTERRUPTED,
            Self::BrokenPipe => 0,
        }
    }
}

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Self {
        let why = error.sentence(Surface::Cli);
        match error {
            AnswerError::Backwards { .. } => Self::Usage(why),
            _ => Self::CouldNotTell(why),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadUrl { .. } => Self::Usage(error.to_string()),
            other => Self::CouldNotTell(other.to_string()),
        }
    }
}

impl From<ChainError> for Failure {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::BadUrl { .. } => Self::Usage(error.to_string()),
            other => Self::CouldNotTell(other.to_string()),
        }
    }
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Chain(error) => error.into(),
            OperatorError::Key(why) => Self::Usage(why),
            other => Self::CouldNotTell(other.to_string()),
        }
    }
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        Self::CouldNotTell(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::BrokenPipe
        } else {
            Self::CouldNotTell(format!("the output could not be written ({error})"))
        }
    }
}
