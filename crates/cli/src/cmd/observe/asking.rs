//! What instances are asked for, and which node is asked about the chain.

use super::document::Freshness;
use crate::{
    Failure,
    cmd::{challenge::challenge, evidence::read_document},
    config::Settings,
};
use alloy_primitives::hex;
use devproof_api::documents::BlockId;
use devproof_attestation::{CheckId, Outcome, ReportData};
use devproof_chain::Node;
use devproof_evidence::{Challenge, Examined, Fetched, Place, random};
use devproof_store::BlockRef;
use std::path::Path;

/// What stands in a URL where the bytes are to be that a quote is to be made for.
const REPORT_DATA: &str = "{report_data}";

/// Evidence, and what it was asked for with.
#[derive(Debug)]
pub(super) struct Given {
    /// The evidence.
    pub(super) fetched: Fetched,
    /// The bytes, if any were.
    pub(super) declared: Option<ReportData>,
    /// The challenge that they are of, if a node was there to make it for.
    pub(super) challenge: Option<Challenge>,
}

/// The node that is configured for a chain, or why there is none to ask. A node that is down keeps nobody from looking.
///
/// # Errors
/// If it serves another chain, or the configuration makes no sense.
pub(super) async fn node(
    settings: &Settings,
    chain_id: u64,
    offline: bool,
) -> Result<Result<Node, String>, Failure> {
    if offline {
        return Ok(Err("--offline asks nobody".to_owned()));
    }
    match settings.nodes.connect().await {
        Ok(Some(node)) if node.chain_id() == chain_id => Ok(Ok(node)),
        Ok(Some(node)) => {
            let serves = node.chain_id();
            Err(Failure::Usage(format!("the node serves chain {serves}, not {chain_id}")))
        }
        Ok(None) => Ok(Err("none is configured; name one with --rpc-url".to_owned())),
        Err(Failure::CouldNotTell(why)) => Ok(Err(why)),
        Err(other) => Err(other),
    }
}

/// The evidence at a place: new, where whoever is there makes a quote for what it is asked for.
///
/// # Errors
/// If there is none.
pub(super) async fn fetch(
    place: &Path,
    offline: bool,
    node: Option<&Node>,
) -> Result<Given, Failure> {
    let text = place.to_str().unwrap_or_default();
    let template = text.contains(REPORT_DATA);
    if !template && !Place::from(text).is_agent() {
        let (fetched, declared) = read_document(place, offline, None).await?;
        return Ok(Given { fetched, declared, challenge: None });
    }
    // One for each place: whoever is at one cannot show what another one made.
    let challenge = match node {
        Some(node) => Some(challenge(node, None).await?),
        None => None,
    };
    // 32 bytes, which whoever makes the quote fills up with zeros.
    let bytes = match &challenge {
        Some(challenge) => challenge.nonce().0,
        None => random().map_err(Failure::CouldNotTell)?,
    };
    let asked = ReportData::Raw(bytes.into());
    let filled = text.replace(REPORT_DATA, &hex::encode(bytes));
    let place = if template { Path::new(&filled) } else { place };
    let (fetched, declared) = read_document(place, offline, Some(asked)).await?;
    Ok(Given { fetched, declared, challenge })
}

/// How new the quote is known to be.
pub(super) fn freshness(
    examined: &Examined,
    declared: Option<&ReportData>,
    node: Option<&str>,
) -> Freshness {
    let row = |id| examined.verdict.check(id);
    let passes = |id| row(id).is_some_and(|row| row.result == Outcome::Pass);
    let how = match (row(CheckId::Freshness), declared) {
        (Some(row), _) if row.result != Outcome::NotEvaluated => row.how.clone(),
        (_, Some(_)) if passes(CheckId::ReportData) => format!(
            "the quote was made for random bytes of this look; behind which block is not known: {}",
            node.unwrap_or("no challenge was made")
        ),
        (_, Some(_)) => "the quote was not made for the bytes that were asked for".to_owned(),
        (_, None) => "what is there was not made for us, and may be of any time before; a URL with {report_data} in it, or \
                      an agent's socket, can be asked for a new one"
            .to_owned(),
    };
    let proved = declared.is_some() && passes(CheckId::ReportData) && passes(CheckId::Hardware);
    let id = |block: BlockRef| BlockId { number: block.number, hash: block.hash };
    Freshness { proved, from: examined.from.map(id), to: examined.to.map(id), how }
}
