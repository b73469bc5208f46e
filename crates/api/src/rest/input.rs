//! What a request says, as text, so that everything malformed gets a sentence with an example.

use super::ProblemReply;
use crate::{Cursor, Finality, Part, When, parse};
use alloy_primitives::{Address, B256};
use axum::extract::{Query, rejection::QueryRejection};
use serde::{Deserialize, de::DeserializeOwned};

/// The parameters of an answer. An unknown one is refused: a misspelt `finality` must not pass for one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plain {
    pub(super) finality: Option<String>,
}

/// None: the answer says itself how final it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Those of an answer in pages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paged {
    pub(super) finality: Option<String>,
    pub(super) limit: Option<String>,
    pub(super) after: Option<String>,
}

/// Those of the question where a version was allowed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allowed {
    pub(super) finality: Option<String>,
    pub(super) app: Option<String>,
    pub(super) limit: Option<String>,
    pub(super) after: Option<String>,
}

/// Those of a difference.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    pub(super) finality: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

/// Those of a span in pages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PagedSpan {
    pub(super) finality: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) limit: Option<String>,
    pub(super) after: Option<String>,
}

/// Parameters that have a sentence about themselves.
pub(super) trait Parameters: DeserializeOwned {
    /// Which there are, with an example.
    const ARE: &str;
}

impl Parameters for Plain {
    const ARE: &str = "the only parameter is finality, as in ?finality=safe, and it is given once";
}

impl Parameters for Nothing {
    const ARE: &str = "this path takes no parameters";
}

impl Parameters for Paged {
    const ARE: &str = "the parameters are finality, limit and after, as in ?finality=safe&limit=100, each given once";
}

impl Parameters for Allowed {
    const ARE: &str = "the parameters are finality, app, limit and after, as in ?finality=safe&limit=100, each given once";
}

impl Parameters for Span {
    const ARE: &str = "the parameters are from, to and finality, as in ?from=1234&to=2026-03-01T12:00:00Z, each given once";
}

impl Parameters for PagedSpan {
    const ARE: &str = "the parameters are from, to, finality, limit and after, as in \
                       ?from=2026-03-01T12:00:00Z&limit=100, each given once";
}

pub(super) type Asked<T> = Result<Query<T>, QueryRejection>;

pub(super) fn parameters<T: Parameters>(asked: Asked<T>) -> Result<T, ProblemReply> {
    let Query(parameters) = asked.map_err(|_| ProblemReply::malformed(T::ARE.to_owned()))?;
    Ok(parameters)
}

pub(super) fn chain(text: &str) -> Result<u64, ProblemReply> {
    text.parse().map_err(|_| {
        let quoted = parse::quote(text);
        ProblemReply::malformed(format!(
            "a chain id is a decimal number such as 8453, not {quoted}"
        ))
    })
}

pub(super) fn app(text: &str) -> Result<Address, ProblemReply> {
    parse::app(text).map_err(ProblemReply::malformed)
}

pub(super) fn compose_hash(text: &str) -> Result<B256, ProblemReply> {
    parse::compose_hash(text).map_err(ProblemReply::malformed)
}

pub(super) fn commitment(text: &str) -> Result<B256, ProblemReply> {
    parse::commitment(text).map_err(ProblemReply::malformed)
}

/// The finality that was named, if one was.
pub(super) fn named_finality(text: Option<String>) -> Result<Option<Finality>, ProblemReply> {
    let read = |name: String| {
        let quoted = parse::quote(&name);
        name.parse().map_err(|why| ProblemReply::malformed(format!("{why}, not {quoted}")))
    };
    text.map(read).transpose()
}

/// The finality that was named, or the default of the chain.
pub(super) fn finality(text: Option<String>, chain_id: u64) -> Result<Finality, ProblemReply> {
    Ok(named_finality(text)?.unwrap_or_else(|| Finality::default_of(chain_id)))
}

/// A block by number, hash or tag, or a time that cannot be mistaken for one.
pub(super) fn moment(text: &str) -> Result<When, ProblemReply> {
    parse::moment(text).map_err(ProblemReply::malformed)
}

/// A time.
pub(super) fn time(text: &str) -> Result<u64, ProblemReply> {
    parse::time(text).map_err(ProblemReply::malformed)
}

/// An end of a span, if it was named.
pub(super) fn end(text: Option<String>) -> Result<Option<When>, ProblemReply> {
    text.map(|text| moment(&text)).transpose()
}

/// An end of a span that has to be named.
pub(super) fn must_end(text: Option<String>) -> Result<When, ProblemReply> {
    moment(&text.ok_or_else(|| {
        ProblemReply::malformed(
            "name both ends of the span, as in ?from=1234&to=2026-03-01T12:00:00Z".to_owned(),
        )
    })?)
}

/// Which part of an answer in pages.
pub(super) fn part(limit: Option<String>, after: Option<String>) -> Result<Part, ProblemReply> {
    let after: Option<Cursor> =
        after.map(|text| text.parse().map_err(ProblemReply::malformed)).transpose()?;
    part_after(limit, after)
}

/// The same behind a place of another kind.
pub(super) fn part_after<C>(
    limit: Option<String>,
    after: Option<C>,
) -> Result<Part<C>, ProblemReply> {
    let limit = limit.map(|text| parse::limit(&text).map_err(ProblemReply::malformed));
    let part = Part::after(after);
    Ok(match limit.transpose()? {
        Some(limit) => Part { limit, ..part },
        None => part,
    })
}
