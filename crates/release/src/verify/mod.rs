//! What a third party runs: the published files and a node, and nothing that only the publisher says is believed.

mod chain;
mod instance;
mod written;

use crate::{
    FORMAT, Judge, Line, Lines, PROOF_FILE, Place, Proof, files::COMPOSE_FILE, proof::images,
    render, text::clip,
};
use alloy_primitives::{Address, B256};
use devproof_chain::Node;
use devproof_compose::AppCompose;
use devproof_operator::Finality;

/// What whoever asks knows or wants.
#[derive(Clone, Debug)]
pub struct Demands {
    /// The app that they use.
    pub app: Option<Address>,
    /// The version that they were told.
    pub version: Option<B256>,
    /// How evidence is judged.
    pub judge: Judge,
    /// How final what is told has to be.
    pub finality: Finality,
}

/// What came of it.
#[derive(Debug)]
pub struct Verified {
    /// Line by line, by whom each is proved.
    pub lines: Lines,
    /// The summary as it should read; `None` unless every line passes that is not merely claimed.
    pub summary: Option<String>,
    /// The document as it was published; `None` if it could not be read.
    pub proof: Option<Proof>,
}

const NOT_THERE: &str =
    "Ask its publisher for the whole folder that `devproof release publish` writes.";
const DOCTORED: &str = "Do not rely on these files: they were changed, or not made by devproof. Ask its publisher why.";

/// Checks everything anew. The ids of the lines are stable, and so is their order: `files`, `app`, `compose_file`, `images`,
/// `chain`, `contract`, `history`, `state`, `announced`, `in_force`, `ended`, `notice`, `transactions`, `final`, `since`, `deployments`,
/// `report`, `well_known`, `release_notes`, `source`, `evidence`.
pub async fn verify(place: &Place, node: Result<Node, String>, demands: &Demands) -> Verified {
    let bytes = match place.read(PROOF_FILE).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            let line = Line::fail("files", "here", format!("There is no {PROOF_FILE}."), NOT_THERE);
            return Verified { lines: vec![line].into(), summary: None, proof: None };
        }
        Err(why) => {
            let message = format!("{PROOF_FILE} cannot be read: {why}.");
            let line = Line::unknown(
                "files",
                "here",
                message,
                "Look whether it is there, and run this again.",
            );
            return Verified { lines: vec![line].into(), summary: None, proof: None };
        }
    };
    let proof = match parse(&bytes) {
        Ok(proof) => proof,
        Err(line) => return Verified { lines: vec![line].into(), summary: None, proof: None },
    };
    let mut lines =
        vec![Line::pass("files", "here", format!("{PROOF_FILE} is of the form {FORMAT}."))];
    lines.push(app(&proof, demands));
    let document = compose(place, &proof, demands, &mut lines).await;
    let known = chain::lines(&proof, document.as_ref(), node, demands, &mut lines).await;
    lines.extend(written::lines(place, &proof, &bytes, known.as_ref()).await);
    lines.push(source(&proof));
    lines.push(instance::line(place, &proof, document.as_ref(), demands).await);
    let lines = Lines::from(lines);
    let summary = known
        .filter(|_| lines.overall == crate::Verdict::Pass)
        .map(|known| render::summary(&known.expected));
    Verified { lines, summary, proof: Some(proof) }
}

fn parse(bytes: &[u8]) -> Result<Proof, Line> {
    let fail = |why: String| Line::fail("files", "here", why, DOCTORED);
    let format = serde_json::from_slice::<serde_json::Value>(bytes)
        .ok()
        .and_then(|it| Some(it.get("format")?.as_str()?.to_owned()));
    match format {
        Some(format) if format == FORMAT => {}
        Some(other) => {
            let message = format!(
                "{PROOF_FILE} is of the form {}, which this version does not know.",
                clip(&other, 40)
            );
            return Err(Line::unknown(
                "files",
                "here",
                message,
                "Use a version of devproof that knows it.",
            ));
        }
        None => return Err(fail(format!("{PROOF_FILE} says no form that it has."))),
    }
    let proof: Proof = serde_json::from_slice(bytes).map_err(|e| {
        fail(format!("{PROOF_FILE} is not of the form {FORMAT} ({}).", clip(&e.to_string(), 200)))
    })?;
    // Otherwise other readers might find something else in it, such as the first of two equal names.
    if proof.bytes() != bytes {
        return Err(fail(format!("{PROOF_FILE} is not written as devproof writes it.")));
    }
    Ok(proof)
}

fn app(proof: &Proof, demands: &Demands) -> Line {
    let (id, published) = ("app", proof.app.address);
    match demands.app {
        Some(app) if app == published => Line::pass(id, "here", "It is the app that you named."),
        Some(app) => Line::fail(
            id,
            "here",
            format!("The files are about another app than {app:#x}, which you named."),
            "Ask its publisher for the files of the app that you use.",
        ),
        None => Line::claimed(
            id,
            "Only the files say that this is the app that you use.",
            "Name the app that you use with --app.",
        ),
    }
    .value(format!("{published:#x}"))
}

/// The compose file, if it is the one that the document names.
async fn compose(
    place: &Place,
    proof: &Proof,
    demands: &Demands,
    lines: &mut Vec<Line>,
) -> Option<AppCompose> {
    let (id, named) = ("compose_file", proof.version.compose_hash);
    let no_images = |why: &str| Line::unknown("images", "here", why, NOT_THERE);
    let bytes = match place.read(COMPOSE_FILE).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            lines.push(Line::fail(id, "here", format!("There is no {COMPOSE_FILE}."), NOT_THERE));
            lines.push(no_images("There is no compose file."));
            return None;
        }
        Err(why) => {
            lines.push(Line::unknown(
                id,
                "here",
                format!("{COMPOSE_FILE} cannot be read: {why}."),
                "Run this again.",
            ));
            lines.push(no_images("The compose file cannot be read."));
            return None;
        }
    };
    let found = devproof_compose::ComposeHash::of(&bytes).0;
    let line = if found != named {
        let message =
            format!("Its bytes have the hash {found:#x}, and the document names {named:#x}.");
        Line::fail(id, "here", message, DOCTORED)
    } else if demands.version.is_some_and(|wanted| wanted != found) {
        let message = "It is another version than the one that you named.";
        Line::fail(id, "here", message, "Ask its publisher for the files of that version.")
    } else if proof.version.size != bytes.len() as u64 || proof.version.compose_file != COMPOSE_FILE
    {
        Line::fail(id, "here", "It has another length or name than the document says.", DOCTORED)
    } else {
        Line::pass(id, "here", "Its bytes have the hash that the document names.")
    };
    let fits = line.result == crate::Verdict::Pass;
    lines.push(line.value(format!("{found:#x}")));
    let document = match AppCompose::parse(&bytes) {
        Ok(document) if fits => document,
        Ok(_) => {
            lines.push(no_images("The compose file is another one."));
            return None;
        }
        Err(error) => {
            let message = format!("The compose file cannot be read: {error}.");
            lines.push(Line::fail("images", "here", message, DOCTORED));
            return None;
        }
    };
    let name = document.fields().name.as_ref().map(|name| clip(name, 200));
    lines.push(match images(&document) {
        _ if name != proof.version.name => Line::fail(
            "images",
            "here",
            "The document gives the app another name than its compose file.",
            DOCTORED,
        ),
        Some(found) if found == proof.images => {
            let open = found.iter().filter(|it| it.digest.is_none()).count();
            if open == 0 {
                let message = "They are those of the compose file, each with its digest.";
                Line::pass("images", "here", message).value(found.len())
            } else {
                let message = format!(
                    "{open} of its images have no digest: what they are can change at any time."
                );
                Line::fail(
                    "images",
                    "here",
                    message,
                    "Ask its publisher to pin every image by its digest.",
                )
            }
        }
        Some(_) => Line::fail(
            "images",
            "here",
            "The document names other images than its compose file.",
            DOCTORED,
        ),
        None => Line::unknown(
            "images",
            "here",
            "The services of the compose file cannot be read.",
            DOCTORED,
        ),
    });
    Some(document)
}

/// Where the source is said to be. What an owner said on the chain is proved to have been said, and no more.
fn source(proof: &Proof) -> Line {
    let id = "source";
    let todo = "Build the images from that commit, and compare their digests with those of the compose file.";
    let commit = clip(&proof.source.commit, 80);
    let on_chain = proof.source.on_chain.as_ref().map(|it| format!("{:x}", it.digest));
    let padded = format!("{commit:0>64}");
    let line = match on_chain {
        Some(digest) if digest == padded => Line::claimed(
            id,
            "The owner named this commit in the announcement, too. That the images were built from it, nobody proved.",
            todo,
        ),
        // Twenty bytes behind zeros are a commit, and then another one.
        Some(digest)
            if digest.starts_with(&"0".repeat(24)) && !digest.ends_with(&"0".repeat(40)) =>
        {
            let message = "The owner named another commit in the announcement.";
            Line::fail(id, "chain", message, "Ask its publisher which of the two it is.")
        }
        _ => Line::claimed(id, "Only the publisher says that this is the source.", todo),
    };
    line.value(commit)
}
