//! What to do about a question that could not be answered.

use super::{AnswerError, Surface};

impl AnswerError {
    /// Empty where there is nothing to do.
    pub(super) const fn remedy(&self, surface: Surface) -> &'static str {
        use Surface::{Cli, Rest};
        match (self, surface) {
            (Self::UnknownChain { .. }, Cli) => {
                "name one with --chain, or run `devproof index` for this one"
            }
            (Self::UnknownChain { .. }, Rest) => "GET /v1/chains lists them",
            (Self::Empty { .. } | Self::Unfinished { .. }, Cli) => "run `devproof index`",
            (Self::Empty { .. } | Self::Unfinished { .. }, Rest) => "try again later",
            (Self::UnknownApp { .. }, Cli) => {
                "check the id and the chain, or run `devproof index --app` with it"
            }
            (Self::UnknownApp { .. }, Rest) => "check the id and the chain",
            (Self::BeyondHead { .. } | Self::TimeBeyondHead { .. }, Cli) => {
                "ask for an earlier one, or run `devproof index` first"
            }
            (Self::BeyondHead { .. } | Self::TimeBeyondHead { .. }, Rest) => {
                "ask for an earlier one, or again later"
            }
            (Self::BeforeStart { .. } | Self::TimeBeforeStart { .. }, Cli) => {
                "index into a fresh database with an earlier --start-block"
            }
            (Self::BeforeStart { .. } | Self::TimeBeforeStart { .. }, Rest) => {
                "ask for a later one"
            }
            (Self::NotRecorded { .. }, _) => "ask for a later record",
            (Self::AsOfHash { .. }, _) => "ask by number",
            (Self::NotFinal { .. }, Cli) => {
                "wait and index again, or take what may still change with --finality unsafe"
            }
            (Self::NotFinal { .. }, Rest) => {
                "wait, or take what may still change with ?finality=unsafe"
            }
            (Self::Orphaned { .. }, _) => "ask by number for the block that is there now",
            (Self::UnknownHash { .. }, Cli) => "ask by its number, or name a node with --rpc-url",
            (Self::UnknownHash { .. }, Rest) => "ask by its number",
            (Self::NoHeader { .. }, Cli) => {
                "pass --rpc-url, or ask for a block or time that is held"
            }
            (Self::NoHeader { .. }, Rest) => "ask for that one, or for a time",
            (Self::NodeDisagrees { .. } | Self::NodeLacks { .. }, Cli) => {
                "run `devproof index` again, and check that --rpc-url is a node of the same chain"
            }
            (Self::WrongNode { .. }, Cli) => "name a node of that chain with --rpc-url",
            (
                Self::NodeDisagrees { .. } | Self::NodeLacks { .. } | Self::WrongNode { .. },
                Rest,
            ) => "try again later",
            (Self::Contradiction(_), Cli) => {
                "run `devproof index` again into a fresh database, from a block before the app was born"
            }
            (Self::Contradiction(_), Rest) => {
                "no answer is better than a wrong one: its operator has to run `devproof index` again"
            }
            (Self::Moving, _) => "ask again in a moment",
            (Self::CursorGone { .. } | Self::CursorStale { .. }, Cli) => {
                "ask again from the beginning"
            }
            (Self::CursorGone { .. } | Self::CursorStale { .. }, Rest) => {
                "begin again without ?after="
            }
            (Self::Backwards { .. }, _) => "exchange the two",
            (Self::TooMuch { .. }, _) => "ask about a shorter span",
            (Self::UnknownFamily { .. }, Cli) => "declare it in devproof.toml under [[family]]",
            (Self::UnknownFamily { .. }, Rest) => "GET /v1/families lists them",
            (
                Self::NotAnApp { .. }
                | Self::Node { .. }
                | Self::NodeOfHash { .. }
                | Self::Store(_),
                _,
            ) => "",
        }
    }
}
