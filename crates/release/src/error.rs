//! Why a release could not be prepared, published or verified.

use devproof_chain::ChainError;
use devproof_operator::OperatorError;

/// Each says what to do, in one sentence without a full stop. Parts may be text from outside: escape it wherever it is shown.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The configuration makes no sense.
    #[error("{0}")]
    Config(String),
    /// The request makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Git does not answer, or not as it should.
    #[error("{0}")]
    Git(String),
    /// It is not in a state that could be published.
    #[error("{0}")]
    Refused(String),
    /// A file cannot be read or written.
    #[error("{name} {what} ({error}): look at its permissions and at the room on the disk")]
    File {
        /// The file.
        name: String,
        /// What could not be done.
        what: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// The node or what it gave.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// Something that was asked for cannot be told.
    #[error("{0}")]
    CouldNotTell(String),
}

impl From<ChainError> for ReleaseError {
    fn from(error: ChainError) -> Self {
        Self::Operator(error.into())
    }
}
