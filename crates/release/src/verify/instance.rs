//! Evidence of an instance, judged again.

use super::{DOCTORED, Demands, NOT_THERE};
use crate::{
    Judged, Line, Place, Proof,
    evidence::{Exhibit, judge},
    files::{COLLATERAL_FILE, EVIDENCE_FILE},
    text::time,
};
use devproof_compose::AppCompose;

const ID: &str = "evidence";

/// Judges it again, under the demands of whoever asks.
pub(super) async fn line(
    place: &Place,
    proof: &Proof,
    document: Option<&AppCompose>,
    demands: &Demands,
) -> Line {
    let Some(published) = &proof.evidence else {
        return Line::claimed(
            ID,
            "No evidence is published: that this version runs anywhere is not shown.",
            "Ask for evidence, and run `devproof verify` on it.",
        );
    };
    let Some(document) = document else {
        return Line::unknown(
            ID,
            "here",
            "There is no compose file to hold it against.",
            NOT_THERE,
        );
    };
    let evidence = match place.read(EVIDENCE_FILE).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return Line::fail(ID, "here", format!("There is no {EVIDENCE_FILE}."), NOT_THERE);
        }
        Err(why) => {
            return Line::unknown(
                ID,
                "here",
                format!("{EVIDENCE_FILE} cannot be read: {why}."),
                "Run this again.",
            );
        }
    };
    let collateral = match published.collateral {
        None => None,
        Some(_) => match place.read(COLLATERAL_FILE).await {
            Ok(Some(bytes)) => Some(bytes),
            Ok(None) => {
                return Line::fail(
                    ID,
                    "here",
                    format!("There is no {COLLATERAL_FILE}."),
                    NOT_THERE,
                );
            }
            Err(why) => {
                return Line::unknown(
                    ID,
                    "here",
                    format!("{COLLATERAL_FILE} cannot be read: {why}."),
                    "Run this again.",
                );
            }
        },
    };
    let exhibit = Exhibit {
        evidence: &evidence,
        collateral: collateral.as_deref(),
        compose: document.text().as_bytes(),
        time: Some(published.time()),
    };
    match judge(&exhibit, &demands.judge) {
        Ok(judged) => compared(proof, published, &judged),
        Err(error) => Line::fail(ID, "here", format!("It cannot be judged: {error}."), DOCTORED),
    }
}

fn compared(proof: &Proof, published: &Judged, judged: &Judged) -> Line {
    let (app, version) = (proof.app.address, proof.version.compose_hash);
    let same = |it: &Judged| (it.evidence, it.collateral, it.quote, it.app_id, it.compose_hash);
    if same(published) != same(judged) {
        return Line::fail(
            ID,
            "here",
            "The evidence is another one than the document says.",
            DOCTORED,
        );
    }
    if published.policy == judged.policy && published != judged {
        let message = format!(
            "Judged here it comes out as {}, and the document says something else.",
            judged.overall
        );
        return Line::fail(ID, "here", message, DOCTORED).value(&judged.overall);
    }
    if let Some(why) = judged.of_another(app, version) {
        return Line::fail(ID, "here", why, DOCTORED);
    }
    let at = time(published.time());
    match judged.overall.as_str() {
        _ if judged.shows(app, version) => Line::pass(
            ID,
            "here",
            format!(
                "A machine ran this version of this app. Its quote has no time in it; its publisher had it judged for {at}, which is a claim."
            ),
        ),
        "fail" => Line::fail(ID, "here", "The evidence does not verify.", "Do not rely on it; see `devproof verify`."),
        _ => Line::unknown(
            ID,
            "here",
            format!("Judged here, for {at}, it does not prove that this version of this app runs."),
            "See `devproof verify` on evidence.json for what is missing; name what you accept with --policy.",
        ),
    }
    .value(&judged.overall)
}
