//! Arguments of `devproof notify`.

use alloy_primitives::Address;
use clap::{Args, Subcommand};
use devproof_api::{Finality, alerts::AlertKind, parse};
use devproof_notify::ChannelKind;

/// Arguments of `devproof notify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof notify add webhook https://example.org/hooks --app 0x52908400098527886e0f7030069857d2e4169ee7
  devproof notify list
  devproof notify list --dead
  devproof notify run

docs/notifications.md says what is sent, how it is signed, and what a receiver has to do.")]
pub struct NotifyArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: NotifyCommand,
}

/// What is done about subscriptions.
#[derive(Clone, Debug, Subcommand)]
pub enum NotifyCommand {
    /// Subscribe somebody to what happens from now on; a secret is shown this once.
    #[command(verbatim_doc_comment)]
    Add(NotifyAddArgs),
    /// List subscriptions, or letters that did not arrive.
    #[command(verbatim_doc_comment)]
    List(NotifyListArgs),
    /// Show a subscription with what is on its way to it, or a letter.
    #[command(verbatim_doc_comment)]
    Show(NotifyShowArgs),
    /// Send a letter that says that nothing happened.
    #[command(verbatim_doc_comment)]
    Test(NotifyTestArgs),
    /// Forget a subscription and everything that is on its way to it.
    #[command(verbatim_doc_comment)]
    Remove(NotifyRemoveArgs),
    /// Send dead letters again, and let a subscription go on whose endpoint was gone.
    #[command(verbatim_doc_comment)]
    Retry(NotifyRetryArgs),
    /// Send until Ctrl-C, unless another process of this database does.
    #[command(verbatim_doc_comment)]
    Run(NotifyRunArgs),
}

/// Arguments of `devproof notify add`.
#[derive(Args, Clone)]
#[command(after_help = "\
Examples:
  devproof notify add webhook https://example.org/hooks
  devproof notify add webhook https://example.org/hooks --kind proposed --kind no_notice --soon-hours 48
  echo https://hooks.slack.com/services/T0/B0/x | devproof notify add slack - --name ops
  DEVPROOF_NOTIFY_TOKEN=123:abc devproof notify add telegram -1001234567890
  DEVPROOF_NOTIFY_TOKEN=syt_x devproof notify add matrix '!opaque:example.org' --server https://matrix.example.org
  DEVPROOF_NOTIFY_SERVER=smtps://me:secret@mail.example.org devproof notify add mail a@example.org --from d@example.org

What is on a command line others of this machine can read: give secrets in the environment, a URL as - on standard input.")]
pub struct NotifyAddArgs {
    /// Name the channel: webhook, slack, discord, telegram, matrix or mail.
    #[arg(value_name = "CHANNEL", verbatim_doc_comment)]
    pub channel: ChannelKind,
    /// Name the target: a URL, a chat, a room or an address; - reads it from standard input.
    #[arg(value_name = "TARGET", allow_hyphen_values = true, verbatim_doc_comment)]
    pub target: String,
    /// Tell only of this app, and of what key services do to all; may be repeated.
    #[arg(long, value_name = "APP", value_parser = parse::app, value_delimiter = ',', verbatim_doc_comment)]
    pub app: Vec<Address>,
    /// Tell only alerts of this kind, such as proposed, ripe_soon or no_notice; may be repeated. What was told is
    /// taken back, and what cannot be told is said, in any case.
    #[arg(long, value_name = "KIND", value_delimiter = ',', verbatim_doc_comment)]
    pub kind: Vec<AlertKind>,
    /// Tell of a change again so many hours before it becomes possible [default: 24].
    #[arg(long, value_name = "HOURS", verbatim_doc_comment)]
    pub soon_hours: Option<u32>,
    /// Tell only what has this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
    /// Call the subscription like this in lists.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        verbatim_doc_comment
    )]
    pub name: String,
    /// Use this server: the homeserver of Matrix, the mail server, or another one than Telegram's own.
    #[arg(
        long,
        env = "DEVPROOF_NOTIFY_SERVER",
        hide_env_values = true,
        value_name = "URL",
        verbatim_doc_comment
    )]
    pub server: Option<String>,
    /// Use this token: of a Telegram bot, or of a Matrix user.
    #[arg(
        long,
        env = "DEVPROOF_NOTIFY_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        verbatim_doc_comment
    )]
    pub token: Option<String>,
    /// Send mail from this address.
    #[arg(long, env = "DEVPROOF_NOTIFY_FROM", value_name = "ADDRESS", verbatim_doc_comment)]
    pub from: Option<String>,
    /// Take a server that is spoken to without encryption, also outside of this machine.
    #[arg(long, verbatim_doc_comment)]
    pub allow_http: bool,
}

/// Without target, server and token, which may be secrets.
impl std::fmt::Debug for NotifyAddArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NotifyAddArgs")
            .field("channel", &self.channel)
            .field("app", &self.app)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Arguments of `devproof notify list`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof notify list
  devproof notify list --dead --json

Exit codes: 0 there are some, 1 there are none, 2 could not tell.")]
pub struct NotifyListArgs {
    /// List dead letters instead: no attempt is left for them, and somebody has to look.
    #[arg(long, verbatim_doc_comment)]
    pub dead: bool,
}

/// Arguments of `devproof notify show`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof notify show sub_0123456789abcdef
  devproof notify show msg_0123456789abcdef0123456789abcdef")]
pub struct NotifyShowArgs {
    /// Name the subscription (sub_…) or the letter (msg_…).
    #[arg(value_name = "ID", verbatim_doc_comment)]
    pub id: String,
}

/// Arguments of `devproof notify test`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof notify test sub_0123456789abcdef

Exit codes: 0 the receiver has it, 1 it has not, 2 could not tell.")]
pub struct NotifyTestArgs {
    /// Name the subscription.
    #[arg(value_name = "ID", verbatim_doc_comment)]
    pub id: String,
    /// Give an attempt so many seconds [default: 20].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300), verbatim_doc_comment)]
    pub timeout_seconds: Option<u64>,
}

/// Arguments of `devproof notify remove`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof notify remove sub_0123456789abcdef

Exit codes: 0 done, 1 there is no such subscription, 2 could not tell.")]
pub struct NotifyRemoveArgs {
    /// Name the subscription.
    #[arg(value_name = "ID", verbatim_doc_comment)]
    pub id: String,
}

/// Arguments of `devproof notify retry`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof notify retry sub_0123456789abcdef
  devproof notify retry msg_0123456789abcdef0123456789abcdef

Exit codes: 0 done, 1 there is no such subscription or dead letter, 2 could not tell.")]
pub struct NotifyRetryArgs {
    /// Name the subscription (sub_…), for all its dead letters, or one letter (msg_…).
    #[arg(value_name = "ID", verbatim_doc_comment)]
    pub id: String,
}

/// Arguments of `devproof notify run`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof notify run
  devproof notify run --public-url https://devproof.example.org

It reads the database, which `devproof serve` or `devproof index --follow` keeps up to date. They send as well: this is for
where they run with --no-notify.")]
pub struct NotifyRunArgs {
    /// Give an attempt so many seconds [default: 20].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300), verbatim_doc_comment)]
    pub timeout_seconds: Option<u64>,
    /// Link to the pages at this address.
    #[arg(long, env = "DEVPROOF_PUBLIC_URL", value_name = "URL", verbatim_doc_comment)]
    pub public_url: Option<String>,
}
