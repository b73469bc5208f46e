//! `devproof status` and `devproof app show`: where an app stands on the chain now, without any index.

use super::{act, checks, document::timestamp, words};
use crate::{
    Failure, Outcome,
    config::Settings,
    opts::StatusArgs,
    shell::Shell,
    text::{shown, span},
};
use alloy_primitives::{Address, B256};
use devproof_operator::{self as operator, AppView, Pending, Setting, proved_history};
use devproof_primitives::ProposalState;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    chain_id: u64,
    app: Address,
    block: u64,
    block_hash: B256,
    timestamp: Option<Timestamp>,
    code: &'static str,
    owner: Option<Address>,
    pending_owner: Option<Address>,
    guardian: Option<Address>,
    /// `null` where there is no notice.
    notice_seconds: Option<u64>,
    allow_any_device: bool,
    require_tcb_up_to_date: bool,
    /// What is allowed; `null` where it could not be found out completely.
    versions: Option<Vec<B256>>,
    /// The devices that are listed; likewise.
    devices: Option<Vec<B256>>,
    /// The app's own list of OS images; `null` also where there is none.
    os_images: Option<Vec<B256>>,
    /// What is announced; likewise.
    announced: Option<Vec<Announced>>,
    /// How many announcements are pending, as the contract says.
    pending: u64,
    /// Why something could not be found out, as a sentence.
    not_known: Option<String>,
    /// The value that was asked about.
    value: Option<Value>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Announced {
    setting: &'static str,
    value: B256,
    state: &'static str,
    announced_at: Option<Timestamp>,
    ripe_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    source_digest: Option<B256>,
    uri: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Value {
    setting: &'static str,
    value: B256,
    in_force: bool,
    /// `null` if it is not announced.
    state: Option<&'static str>,
    ripe_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    frozen: bool,
}

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer.
pub async fn run(
    args: StatusArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let asked = match (&args.compose, args.compose_hash, args.setting) {
        (Some(path), ..) => Some((Setting::ComposeHash, checks::document(path)?.hash().0)),
        (None, Some(hash), _) => Some((Setting::ComposeHash, hash)),
        (None, None, setting) => setting,
    };
    let node = act::node(&settings, false).await?;
    let view = operator::read(&node, args.app).await?;
    let history = if view.has_notice() {
        proved_history(&node, &view).await.map_err(|error| error.to_string())
    } else {
        Err("what such a contract allows is only found with `devproof index`".to_owned())
    };
    let mut status = status(node.chain_id(), &view);
    match &history {
        Ok((policy, pending)) => {
            status.versions = Some(policy.compose_hashes.keys().copied().collect());
            status.devices = Some(policy.devices.keys().copied().collect());
            status.os_images = policy.os_images.as_ref().map(|it| it.keys().copied().collect());
            status.announced = Some(pending.iter().map(announced).collect());
        }
        Err(why) => status.not_known = Some(why.clone()),
    }
    let mut outcome = Outcome::Yes;
    if let Some((setting, value)) = asked {
        let it = operator::value(&node, &view, setting, value).await?;
        let state = it.state_at(view.next_time);
        outcome = match state {
            _ if it.in_force => Outcome::Yes,
            Some(ProposalState::Pending | ProposalState::Ripe) => Outcome::CouldNotTell,
            _ => Outcome::No,
        };
        status.value = Some(Value {
            setting: setting.name(),
            value,
            in_force: it.in_force,
            state: state.map(ProposalState::name),
            ripe_at: it.ripe_at.and_then(timestamp),
            expires_at: it.expires_at().and_then(timestamp),
            frozen: it.frozen,
        });
    }
    let pending = history.as_ref().map(|(_, pending)| pending.as_slice()).unwrap_or_default();
    shell.answer(&status, || render(&status, &view, pending, asked))?;
    Ok(outcome)
}

fn status(chain_id: u64, view: &AppView) -> Status {
    Status {
        chain_id,
        app: view.address,
        block: view.block.number,
        block_hash: view.block.hash,
        timestamp: timestamp(view.block.timestamp),
        code: view.code.name(),
        owner: view.owner,
        pending_owner: view.pending_owner,
        guardian: view.guardian,
        notice_seconds: view.has_notice().then_some(view.notice_seconds),
        allow_any_device: view.allow_any_device,
        require_tcb_up_to_date: view.require_tcb_up_to_date,
        versions: None,
        devices: None,
        os_images: None,
        announced: None,
        pending: view.pending,
        not_known: None,
        value: None,
    }
}

fn announced(it: &Pending) -> Announced {
    Announced {
        setting: it.setting.name(),
        value: it.value,
        state: it.state.name(),
        announced_at: timestamp(it.announced_at),
        ripe_at: timestamp(it.ripe_at),
        expires_at: timestamp(it.expires_at),
        source_digest: it.source.as_ref().map(|source| source.digest),
        uri: it.source.as_ref().map(|source| source.uri.clone()),
    }
}

fn render(
    status: &Status,
    view: &AppView,
    pending: &[Pending],
    asked: Option<(Setting, B256)>,
) -> String {
    let mut text = format!(
        "App {} on chain {}, after block {} ({}).\n",
        view.address,
        status.chain_id,
        view.block.number,
        words::time(view.block.timestamp)
    );
    if let (Some(it), Some((setting, value))) = (&status.value, asked) {
        text.push_str(&format!("\n{}\n", of_a_value(it, view, &words::thing(setting, value))));
    }
    let who =
        |address: Option<Address>| address.map_or_else(|| "nobody".to_owned(), |it| it.to_string());
    let promise = match view.code.name() {
        "app_auth" => format!("its code enforces {} of notice", span(view.notice_seconds)),
        "app_auth_test" => "a test build: its notice protects nobody".to_owned(),
        "dstack_app" | "legacy_app_auth" => "a stock contract: no notice exists".to_owned(),
        _ => "nobody knows this code".to_owned(),
    };
    text.push_str(&format!("\n  contract  {} ({promise})\n", status.code));
    text.push_str(&format!("  owner     {}\n", who(view.owner)));
    if view.pending_owner.is_some() {
        text.push_str(&format!("  offered   to {}\n", who(view.pending_owner)));
    }
    if view.has_notice() {
        text.push_str(&format!("  guardian  {}\n", who(view.guardian)));
    }
    let devices = if view.allow_any_device { "any" } else { "only those listed" };
    text.push_str(&format!("  devices   {devices}\n"));
    for (name, list) in [
        ("device   ", &status.devices),
        ("OS image ", &status.os_images),
        ("version  ", &status.versions),
    ] {
        for value in list.iter().flatten() {
            text.push_str(&format!("  {name} {value:#x}\n"));
        }
    }
    if let Some(why) = &status.not_known {
        text.push_str(&format!("\nNot everything could be found out: {}.\n", shown(why)));
        if view.pending > 0 {
            text.push_str(&format!("{} announcements are pending.\n", view.pending));
        }
        return text;
    }
    text.push_str(if pending.is_empty() { "\nNothing is announced.\n" } else { "\nAnnounced:\n" });
    for it in pending {
        let when = match it.state {
            ProposalState::Pending => format!(
                "may be activated from {} on, in {}",
                words::time(it.ripe_at),
                span(it.ripe_at.saturating_sub(view.next_time))
            ),
            ProposalState::Ripe => {
                format!("may be activated now, until {}", words::time(it.expires_at))
            }
            ProposalState::Expired => format!("dead since {}", words::time(it.expires_at)),
        };
        text.push_str(&format!("  {}: {when}\n", words::thing(it.setting, it.value)));
    }
    text.push_str("All of it was checked against the contract's own history.\n");
    text
}

fn of_a_value(it: &Value, view: &AppView, thing: &str) -> String {
    let time = |time: Option<Timestamp>| time.map(devproof_api::words::time).unwrap_or_default();
    let (ripe, expires) = (time(it.ripe_at), time(it.expires_at));
    match (it.in_force, it.state) {
        (true, _) => format!("In force: {thing}."),
        (false, Some("pending")) => {
            format!("Announced: {thing}; it may be activated from {ripe} on, until {expires}.")
        }
        (false, Some("ripe")) => {
            format!("Ripe: {thing}; anybody may activate it now, until {expires}.")
        }
        (false, Some(_)) => format!(
            "Dead since {expires}: the announcement of {thing}; it needs a new full notice."
        ),
        (false, None) if it.frozen => format!("Not in force, and frozen for good: {thing}."),
        (false, None) if view.has_notice() => format!(
            "Neither in force nor announced: {thing}; announced now, it could come in {}.",
            span(view.notice_seconds)
        ),
        (false, None) => format!("Not in force: {thing}."),
    }
}
