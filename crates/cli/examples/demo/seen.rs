//! Instances that were looked at while the story went on. Their quotes are signed by a PKI that is made here, so that
//! nothing is proved of any hardware, and every place that shows them says so.

use crate::evidence::{
    machine::{Machine, known_system},
    pki::{Options, Pki},
};
use alloy_primitives::{Address, B256};
use devproof_api::Finality;
use devproof_attestation::{Collateral, Evidence, KmsKeys, Policy, TrustAnchor};
use devproof_chain::Node;
use devproof_cli::shell::Shell;
use devproof_evidence::{
    ChainAsked, Challenge, Collaterals, Examiner, Exhibit, Http, Limits, Verifier, Which,
};
use devproof_observe::{Capture, Target, take_down};
use devproof_primitives::BlockRef;
use devproof_store::Store;
use devproof_testkit::Story;
use eyre::{OptionExt as _, Result, eyre};
use jiff::Timestamp;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// A look at an instance.
struct Look {
    app: Address,
    /// The last byte of the instance's id, over and over.
    instance: u8,
    version: B256,
    /// After which chapter, and how long after it.
    after: (&'static str, u64),
    /// What Intel's word for the hardware would be.
    status: &'static str,
}

fn looks(story: &Story) -> Vec<Look> {
    let product = |instance, version, after, status| Look {
        app: story.product,
        instance,
        version: story.versions.hash(version).0,
        after,
        status,
    };
    let fine = "UpToDate";
    vec![
        product(1, 2, ("a stranger activates 1.1.0", DAY), fine),
        product(1, 2, ("version 1.3.0 is announced", DAY), fine),
        product(1, 5, ("1.4.0 is activated", DAY), fine),
        product(2, 5, ("1.4.0 is activated", DAY + HOUR), fine),
        // The guardian removed it, and one of the two goes on running.
        product(2, 5, ("the guardian removes 1.4.0", DAY), fine),
        product(1, 5, ("1.4.0 is activated again", 2 * DAY), fine),
        product(2, 5, ("the notice grows to 14 days", DAY), "OutOfDate"),
        product(1, 6, ("1.5.0 is activated", 2 * HOUR), fine),
        product(2, 6, ("1.5.0 is activated", 3 * HOUR), fine),
        product(1, 6, ("version 1.6.0 is announced", DAY), fine),
        product(2, 6, ("version 1.6.0 is announced", DAY + HOUR), fine),
        Look {
            app: story.stock,
            instance: 9,
            version: alloy_primitives::keccak256("rival 4"),
            after: ("the rival upgrades once more", HOUR),
            status: fine,
        },
    ]
}

/// Takes all of them down, each judged at its own time, and each made for a challenge that names the block before it.
pub(crate) async fn observe(
    story: &Story,
    store: &Store,
    node: &Node,
    shell: &mut Shell,
) -> Result<()> {
    let mut looks_taken = 0_u32;
    for look in looks(story) {
        let (title, later) = look.after;
        let chapter = story.block_of(title).ok_or_eyre("the story has no such chapter")?;
        let block = node.block(chapter).await?.ok_or_eyre("the chain has no such block")?;
        seen(story, store, node, &look, (block, block.timestamp + later)).await?;
        looks_taken += 1;
    }
    shell.note(&format!(
        "{looks_taken} looks at instances, by quotes of a test PKI: they prove nothing about any hardware."
    ));
    Ok(())
}

/// Days around a time, as Intel writes times.
fn around(seconds: u64, days: i64) -> Result<&'static str> {
    let time = Timestamp::from_second(i64::try_from(seconds)? + days * i64::try_from(DAY)?)?;
    // For as long as the demo runs: options are constants elsewhere.
    Ok(Box::leak(time.to_string().into_boxed_str()))
}

async fn seen(
    story: &Story,
    store: &Store,
    node: &Node,
    look: &Look,
    (block, at): (BlockRef, u64),
) -> Result<()> {
    let pki = Pki::new(Options {
        status: look.status,
        issued: around(at, -5)?,
        next_update: around(at, 25)?,
        ..Options::default()
    });
    let image = story.bench.os_images[1].0;
    let challenge = Challenge::new(node.chain_id(), block)?;
    let instance = [look.instance; 20];
    let machine = Machine {
        report_data: challenge.report_data().0,
        ..Machine::running_as(look.app.0.0, look.version.0, image, instance)
    };
    let policy = known_system(&machine.evidence(&pki), image);
    let document = machine.get_quote(&pki).to_string();
    let http = Http::new(Limits::of_services())?;
    let examiner = Examiner {
        collaterals: Collaterals::new(http.clone(), Vec::new(), None),
        http,
        verifiers: vec![Verifier::Local],
        chain: Some(ChainAsked::new(node.clone(), None, Which::Number(block.number))),
    };
    let examined = examiner
        .examine(Exhibit {
            evidence: Evidence::read(document.as_bytes())?.remove(0),
            now: at,
            root: TrustAnchor::read(&pki.root_der)?,
            collateral: Some(Collateral::parse(&pki.collateral().to_string())?),
            compose: None,
            report_data: None,
            kms: KmsKeys::default(),
            chain: None,
            challenge: Some(challenge),
            policy: Policy::from_toml(&policy)?,
        })
        .await;
    let target = Target {
        chain_id: node.chain_id(),
        app: look.app,
        name: "the demo's".to_owned(),
        finality: Finality::Unsafe,
    };
    let capture = Capture {
        source: "the demo, with a test PKI".to_owned(),
        document: document.as_bytes(),
        examined: &examined,
        policy: Some(policy.as_bytes()),
        asked_for: true,
        is_intel_root: false,
        seen_at: at,
    };
    take_down(store, &target, &capture).await?.map_err(|why| eyre!("{why}"))?;
    Ok(())
}
