//! The files that are written from the others: written anew, and compared.

use super::{DOCTORED, NOT_THERE, chain::Known};
use crate::{
    Line, PROOF_FILE, Place, Proof,
    files::{DEPLOYMENTS_FILE, NOTES_FILE, REPORT_FILE, WELL_KNOWN_FILE},
    proof::sha256,
    render,
};

/// Looks at each of them.
pub(super) async fn lines(
    place: &Place,
    proof: &Proof,
    bytes: &[u8],
    known: Option<&Known>,
) -> Vec<Line> {
    let deployments = known.map(|it| render::deployments(&it.ledger, it.through).into_bytes());
    let report = known.map(|it| render::report(&it.expected).into_bytes());
    vec![
        same(
            place,
            "deployments",
            DEPLOYMENTS_FILE,
            "chain",
            "what the chain gives",
            deployments.as_deref(),
        )
        .await,
        same(place, "report", REPORT_FILE, "here", "what the other lines give", report.as_deref())
            .await,
        same(
            place,
            "well_known",
            WELL_KNOWN_FILE,
            "here",
            &format!("the same as {PROOF_FILE}"),
            Some(bytes),
        )
        .await,
        notes(place, proof).await,
    ]
}

async fn same(
    place: &Place,
    id: &'static str,
    name: &str,
    by: &'static str,
    what: &str,
    expected: Option<&[u8]>,
) -> Line {
    let found = match place.read(name).await {
        Ok(Some(found)) => found,
        Ok(None) => return Line::fail(id, "here", format!("There is no {name}."), NOT_THERE),
        Err(why) => {
            return Line::unknown(
                id,
                "here",
                format!("{name} cannot be read: {why}."),
                "Run this again.",
            );
        }
    };
    match expected {
        None => Line::unknown(
            id,
            by,
            format!("{name} cannot be written anew without what is missing above."),
            "See the lines above.",
        ),
        Some(expected) if expected == found => {
            Line::pass(id, by, format!("{name} is {what}, to the byte."))
        }
        Some(expected) => {
            let lines =
                |bytes: &[u8]| bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
            let (expected, found) = (lines(expected), lines(&found));
            let at = expected.iter().zip(&found).take_while(|(a, b)| a == b).count() + 1;
            let message = format!("{name} is not {what}: the first difference is in line {at}.");
            Line::fail(id, by, message, DOCTORED).value(at)
        }
    }
}

/// Release notes come from a repository: whoever has only the files can tell no more than that they are those that were published.
async fn notes(place: &Place, proof: &Proof) -> Line {
    let id = "release_notes";
    let named = proof.files.get(NOTES_FILE).filter(|_| proof.files.len() == 1);
    let Some(named) = named else {
        return Line::fail(
            id,
            "here",
            format!("The document names other files than {NOTES_FILE}."),
            DOCTORED,
        );
    };
    match place.read(NOTES_FILE).await {
        Ok(Some(found)) if sha256(&found) == *named => Line::claimed(
            id,
            "They are those that were published. What they say of the changes are the words of who committed them.",
            "Read the commits.",
        ),
        Ok(Some(_)) => Line::fail(
            id,
            "here",
            format!("{NOTES_FILE} is another one than the document names."),
            DOCTORED,
        ),
        Ok(None) => Line::fail(id, "here", format!("There is no {NOTES_FILE}."), NOT_THERE),
        Err(why) => Line::unknown(
            id,
            "here",
            format!("{NOTES_FILE} cannot be read: {why}."),
            "Run this again.",
        ),
    }
}
