//! `devproof at`: what an app was allowed to run after a block, or at a time.

use crate::{
    Failure, Outcome,
    cmd::{
        self, as_of, node, setting,
        words::{UNVERIFIED, claim, index, notice, orphaned, proposals, who},
    },
    config::{Nodes, Settings},
    opts::AtArgs,
    shell::Shell,
    text::{count, minute, plain, short, short_address, span, table, time},
};
use alloy_primitives::{Address, B256};
use devproof_api::{
    Finality, When,
    documents::{AtBlock, AuthorisedThen, Completeness, Kms, Observed, SeenAs},
};
use devproof_store::Store;
use jiff::Timestamp;

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer.
pub async fn run(args: AtArgs, settings: Settings, shell: &mut Shell) -> Result<Outcome, Failure> {
    let when = match (args.block, args.time) {
        (Some(block), _) => block,
        (None, Some(seconds)) => When::Time(seconds),
        (None, None) => {
            return Err(Failure::Usage("name a block with --block or a time with --time".into()));
        }
    };
    let store = Store::open_read_only(&settings.database).await?;
    let chain_id = cmd::chain(&settings, &store).await?;
    if let Some(recorded) = args.as_of {
        let answer = devproof_api::as_of(&store, chain_id, args.app, when, recorded).await?;
        shell.answer(&answer, || as_of::render(&answer))?;
        return Ok(Outcome::Yes);
    }
    let finality = settings.finality(args.finality, chain_id);
    let answer = answer(&store, &settings.nodes, chain_id, args.app, when, finality).await?;
    let allowed = args.compose_hash.map(|hash| (hash, allows(&answer, hash)));
    shell.answer(&answer, || match allowed {
        Some((hash, allowed)) => verdict(&answer, hash, allowed),
        None => render(&answer, Timestamp::now()),
    })?;
    Ok(if allowed.is_some_and(|(_, allowed)| !allowed) { Outcome::No } else { Outcome::Yes })
}

/// The answer; asks the node only if the index does not hold the block's header.
///
/// # Errors
/// What keeps it from an answer.
pub async fn answer(
    store: &Store,
    nodes: &Nodes,
    chain_id: u64,
    app: Address,
    when: When,
    finality: Finality,
) -> Result<AtBlock, Failure> {
    node::if_needed(nodes, &[when], async |headers| {
        devproof_api::at(store, headers, chain_id, app, when, finality).await
    })
    .await
}

/// Whether the app was allowed to run a version there.
#[must_use]
pub fn allows(answer: &AtBlock, compose_hash: B256) -> bool {
    answer.authorised.iter().any(|a| a.compose_hash == compose_hash)
}

/// The answer to a question about one version, in a sentence.
#[must_use]
pub fn verdict(answer: &AtBlock, compose_hash: B256, allowed: bool) -> String {
    let not = if allowed { "" } else { "not " };
    let enforced = if answer.code.kind == "app_auth" || !allowed { "" } else { WEAK };
    let mut text = format!(
        "{} this app was {not}allowed to run {compose_hash:#x}.{enforced}{}",
        when(answer),
        if allowed { " Allowed is not running." } else { "" }
    );
    if is_unverified(answer) {
        text.push(' ');
        text.push_str(UNVERIFIED);
    }
    text
}

const WEAK: &str = " Its contract does not enforce any notice.";

fn is_unverified(answer: &AtBlock) -> bool {
    let keeps_history = matches!(answer.code.kind.as_str(), "app_auth" | "app_auth_test");
    keeps_history && answer.completeness == Completeness::AsEmitted
}

/// The answer in words. `now` dates the index.
#[must_use]
pub fn render(answer: &AtBlock, now: Timestamp) -> String {
    let mut text = format!("{}\n", headline(answer));
    if is_unverified(answer) {
        text.push_str(UNVERIFIED);
        text.push('\n');
    }
    if !answer.authorised.is_empty() {
        text.push_str("\nAllowed to run\n");
        text.push_str(&authorised(answer));
    }
    if !answer.proposals.is_empty() {
        text.push_str("\nAnnounced and not in force\n");
        text.push_str(&proposals(&answer.proposals));
    }
    if answer.born {
        text.push_str("\nWho decides\n");
        text.push_str(&policy(answer));
    }
    text.push_str("\nKey service\n");
    text.push_str(&kms(answer));
    text.push_str(&by_call(answer));
    if !answer.orphaned.is_empty() {
        text.push_str("\nReorganised away\n");
        text.push_str(&orphaned(&answer.orphaned));
    }
    if !answer.observed.is_empty() {
        text.push_str("\nSeen by verified quotes\n");
        text.push_str(&observed(&answer.observed));
    }
    text.push_str("\nAllowed is not running: removing a version stops no instance that runs it.");
    if answer.observed.is_empty() {
        text.push_str(" Nobody has shown us what runs.");
    }
    text.push_str(&index(answer.indexed_from, &answer.index_head, now));
    text
}

/// What was seen, and whether it was allowed while it was.
fn observed(seen: &[Observed]) -> String {
    let rows: Vec<_> = seen
        .iter()
        .map(|it| {
            let who = match it.identity {
                SeenAs::Proved => "proved",
                SeenAs::Claimed => "only claimed",
                SeenAs::TestRoot => "TEST ROOT, proves nothing",
            };
            let allowed = match it.authorised {
                AuthorisedThen::Allowed => "yes",
                AuthorisedThen::Partly => "NOT ALL THE TIME",
                AuthorisedThen::NotAllowed => "NO",
                AuthorisedThen::NotKnown => "not known",
            };
            [
                short(it.compose_hash),
                minute(it.first_seen),
                minute(it.last_seen),
                count(it.instances.len(), "instance"),
                who.to_owned(),
                plain(&it.result),
                allowed.to_owned(),
            ]
        })
        .collect();
    let head = ["version", "first seen", "last seen", "", "who it is", "result", "allowed then"];
    table(head, &rows)
}

/// `At block 1234 (2026-03-01 12:00:00 UTC, finalized)`.
fn when(answer: &AtBlock) -> String {
    let block = &answer.block;
    match &answer.asked {
        None => {
            format!("At block {} ({}, {})", block.number, time(block.timestamp), block.finality)
        }
        Some(asked) => {
            format!("At {} (as after block {}, {})", time(asked.time), block.number, block.finality)
        }
    }
}

/// What was not learnt from events, and what was not learnt at all.
fn by_call(answer: &AtBlock) -> String {
    let mut text = String::new();
    for read in &answer.read_by_call {
        let before = if read.at_birth { "" } else { "; how it was before is not known" };
        text.push_str(&format!(
            "\n  {}: no event says, the contract does when called after block {}{before}.",
            setting(&read.setting),
            read.block
        ));
    }
    let unknown: Vec<_> = answer.not_known.iter().map(|s| setting(s)).collect();
    if answer.born && !unknown.is_empty() {
        text.push_str(&format!("\n  Could not be found out: {}.", unknown.join(", ")));
    }
    if text.is_empty() { text } else { format!("\nNot from events{text}\n") }
}

fn headline(answer: &AtBlock) -> String {
    let when = when(answer);
    if !answer.born {
        return format!(
            "{when} the contract of this app had said nothing yet: no version was allowed."
        );
    }
    let allowed =
        format!("{when} this app was allowed to run {}", count(answer.authorised.len(), "version"));
    let frozen = answer.policy.frozen.iter().any(|s| s == "compose_hash");
    let coming = coming(answer);
    match answer.code.kind.as_str() {
        "app_auth" if frozen => format!("{allowed}; no version can ever be added.{coming}"),
        "app_auth" => format!(
            "{allowed}; its owner can change the code only after {} notice.{coming}",
            span(answer.policy.notice_period_seconds.unwrap_or(0))
        ),
        "app_auth_test" => {
            format!("{allowed}. Test build: the notice period is not enforced.")
        }
        "timelock_app_auth" => format!(
            "{allowed}. Its contract looks like the tutorial's, with {} notice and proposals that never die; nobody \
             checked that nothing else can change it.{coming}",
            span(answer.policy.notice_period_seconds.unwrap_or(0))
        ),
        "dstack_app" | "legacy_app_auth" if answer.code.immutable == Some(true) => format!(
            "{allowed}. The owner of this app can allow others at any moment, without notice."
        ),
        "dstack_app" | "legacy_app_auth" => format!(
            "{allowed}. The owner of this app can change its code at any moment, without notice."
        ),
        _ => format!(
            "{allowed}. We do not know the code that decides here. What follows is what its events \
             said; nothing enforces it."
        ),
    }
}

/// Whether a change was on its way. Dead proposals are none.
fn coming(answer: &AtBlock) -> String {
    let live: Vec<_> = answer.proposals.iter().filter(|p| p.state != "expired").collect();
    let first = live.iter().map(|p| p.ripe_at).min();
    match (first, live.iter().any(|p| p.state == "ripe")) {
        (None, _) => " No change was on its way.".to_owned(),
        (Some(_), true) => " An announced change could come at any moment.".to_owned(),
        (Some(first), false) => format!(
            " It had announced {}, which could come from {} on.",
            count(live.len(), "change"),
            time(first)
        ),
    }
}

fn authorised(answer: &AtBlock) -> String {
    let rows: Vec<_> = answer
        .authorised
        .iter()
        .map(|a| {
            [
                format!("{:#x}", a.compose_hash),
                format!("{} (block {})", minute(a.since.timestamp), a.since.block),
                a.proposed.as_ref().map_or_else(|| "not announced".to_owned(), who),
                who(&a.since),
                notice(a.notice_seconds),
            ]
        })
        .collect();
    let mut text = table(
        [
            "version (compose hash)",
            "since (UTC)",
            "announced by",
            "put in force by",
            "notice users had",
        ],
        &rows,
    );
    for a in &answer.authorised {
        text.push_str(&claim(a.compose_hash, a.source_digest, a.uri.as_deref()));
    }
    text
}

fn policy(answer: &AtBlock) -> String {
    let policy = &answer.policy;
    let address = |a: Option<Address>| a.map_or_else(|| "none".to_owned(), |a| format!("{a:#x}"));
    let mut rows = vec![
        row("owner", address(policy.owner)),
        row("guardian", address(policy.guardian)),
        row("notice period", policy.notice_period_seconds.map_or_else(|| "none".to_owned(), span)),
        row("devices", devices(answer)),
        row(
            "TCB up to date",
            match policy.require_tcb_up_to_date {
                Some(true) => "required",
                Some(false) => "not required",
                None => "not known: no event says",
            }
            .to_owned(),
        ),
        row(
            "OS images",
            if policy.os_images_pinned {
                format!("only {}", count(policy.os_image_pins.len(), "pinned image"))
            } else {
                "what the key service admits".to_owned()
            },
        ),
        row("code", code(answer)),
    ];
    if let Some(pending) = policy.pending_owner {
        rows.insert(1, row("next owner", format!("{pending:#x} (not accepted yet)")));
    }
    if !policy.frozen.is_empty() {
        let frozen: Vec<_> = policy.frozen.iter().map(|s| setting(s)).collect();
        rows.push(row("can never widen", frozen.join(", ")));
    }
    rows.concat()
}

fn row(name: &str, value: String) -> String {
    format!("  {name:<15}  {value}\n")
}

fn devices(answer: &AtBlock) -> String {
    let listed = count(answer.policy.devices.len(), "listed device");
    match answer.policy.allow_any_device {
        Some(true) => "any".to_owned(),
        Some(false) => format!("only {listed}"),
        None => format!("{listed}; whether any other is allowed is not known: no event says"),
    }
}

fn code(answer: &AtBlock) -> String {
    let code = &answer.code;
    let behind =
        code.implementation.map(|i| format!(", implementation {i:#x}")).unwrap_or_default();
    let change = match code.immutable {
        Some(true) => "can never be replaced",
        Some(false) => "can be replaced",
        None => "may be replaced: no event says that it cannot",
    };
    format!("{}{behind}; {change}", code.kind)
}

fn kms(answer: &AtBlock) -> String {
    if answer.kms.is_empty() {
        return "  No KMS is indexed here: who gives this app its keys is not known.\n".to_owned();
    }
    let registered: Vec<&Kms> = answer.kms.iter().filter(|kms| kms.registered).collect();
    if registered.is_empty() {
        return "  No KMS that is indexed here had registered this app: none of them gives it keys.\n"
            .to_owned();
    }
    let pins = if answer.policy.os_images_pinned {
        format!("this app accepts only the {} it has pinned", answer.policy.os_image_pins.len())
    } else {
        "this app accepts whatever they admit".to_owned()
    };
    registered
        .iter()
        .map(|kms| {
            format!(
                "  The operators of the key service {} can replace its rules and admit a new \
                 operating system for all apps \
                 at once; {pins}.\n  It admitted {}.\n",
                short_address(kms.contract),
                count(kms.allowed_os_images.len(), "OS image"),
            )
        })
        .collect()
}
