//! The ways that letters go, each with what it needs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use devproof_api::parse::quote;
use lettre::message::Mailbox;
use reqwest::Url;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};

/// The longest text that is taken for a target, a server or a token.
const MAX_TEXT: usize = 2_048;

/// Bytes of a secret that we make: the Standard Webhooks specification wants 24 to 64.
const SECRET_BYTES: usize = 32;

/// Where Telegram's bots are served.
const TELEGRAM: &str = "https://api.telegram.org";

/// The kinds of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// JSON, signed as the Standard Webhooks specification says.
    Webhook,
    /// An incoming webhook of Slack, or of what speaks like it.
    Slack,
    /// A webhook of Discord.
    Discord,
    /// A bot of Telegram.
    Telegram,
    /// A room of Matrix.
    Matrix,
    /// Electronic mail over SMTP.
    Mail,
}

impl ChannelKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Webhook, Self::Slack, Self::Discord, Self::Telegram, Self::Matrix, Self::Mail];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Telegram => "telegram",
            Self::Matrix => "matrix",
            Self::Mail => "mail",
        }
    }
}

impl FromStr for ChannelKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("a channel is one of {names}, not {}", quote(text))
        })
    }
}

/// Why a channel cannot be like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// No URL.
    #[error("{what} is a URL such as {example}")]
    NoUrl {
        /// What is.
        what: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// Everybody on the way could read what is in it.
    #[error(
        "{what} has to begin with {scheme}, since everybody on the way could read it otherwise; --allow-http takes it all the same"
    )]
    Open {
        /// What has to.
        what: &'static str,
        /// With which.
        scheme: &'static str,
    },
    /// Something that is needed was not given.
    #[error("a {channel} channel needs {what}")]
    Missing {
        /// The channel.
        channel: &'static str,
        /// What it needs, and how to give it.
        what: &'static str,
    },
    /// Something that was given is not what it should be.
    #[error("{what} looks like {example}")]
    Malformed {
        /// What does.
        what: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random numbers for a secret; try again")]
    NoRandom,
}

/// What somebody gives for a channel. Each kind takes what it needs and leaves the rest.
#[derive(Clone, Default)]
pub struct Given {
    /// A URL, a chat, a room or an address, by the kind.
    pub target: String,
    /// The server that is asked: of a bot, of Matrix (its homeserver), or for mail.
    pub server: Option<String>,
    /// The token that the server knows us by.
    pub token: Option<String>,
    /// The sender of mail.
    pub from: Option<String>,
    /// Whether what is not encrypted will do, also outside of this machine.
    pub allow_http: bool,
}

/// Without what has to stay secret.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("from", &self.from).finish_non_exhaustive()
    }
}

/// A way for letters to go. Holds secrets: it is serialised for the database only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// See [`ChannelKind::Webhook`].
    Webhook {
        /// The endpoint.
        url: String,
        /// `whsec_` and the key in Base64.
        secret: String,
    },
    /// See [`ChannelKind::Slack`].
    Slack {
        /// The endpoint; whoever knows it may write.
        url: String,
    },
    /// See [`ChannelKind::Discord`].
    Discord {
        /// Likewise.
        url: String,
    },
    /// See [`ChannelKind::Telegram`].
    Telegram {
        /// The Bot API server.
        server: String,
        /// The token of the bot.
        token: String,
        /// A chat id, or the @name of a channel.
        chat: String,
    },
    /// See [`ChannelKind::Matrix`].
    Matrix {
        /// The homeserver.
        server: String,
        /// The access token of the user that writes.
        token: String,
        /// The room id.
        room: String,
    },
    /// See [`ChannelKind::Mail`].
    Mail {
        /// The server, with user and password where it wants them.
        server: String,
        /// The sender.
        from: String,
        /// The receiver.
        to: String,
    },
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.kind().name(), self.shown())
    }
}

impl Channel {
    /// Makes one of what was given.
    ///
    /// # Errors
    /// [`ChannelError`], of the first thing that will not do.
    pub fn new(kind: ChannelKind, given: Given) -> Result<Self, ChannelError> {
        let Given { target, server, token, from, allow_http } = given;
        let name = kind.name();
        let missing = |what| ChannelError::Missing { channel: name, what };
        let token = || {
            let token = token
                .ok_or_else(|| missing("a token; give it with --token or DEVPROOF_NOTIFY_TOKEN"))?;
            let plain = |b: u8| b.is_ascii_graphic() && b != b'/';
            let good = !token.is_empty() && token.len() <= MAX_TEXT && token.bytes().all(plain);
            let example = "the letters and digits that the server gave you";
            good.then_some(token).ok_or(ChannelError::Malformed { what: "a token", example })
        };
        let endpoint =
            |text: &str| url("the target", "https://example.org/hooks", text, allow_http);
        Ok(match kind {
            ChannelKind::Webhook => Self::Webhook { url: endpoint(&target)?, secret: secret()? },
            ChannelKind::Slack => Self::Slack { url: endpoint(&target)? },
            ChannelKind::Discord => Self::Discord { url: endpoint(&target)? },
            ChannelKind::Telegram => {
                let server = server.as_deref().unwrap_or(TELEGRAM);
                let server = url("--server", TELEGRAM, server, allow_http)?;
                Self::Telegram { server, token: token()?, chat: chat(target)? }
            }
            ChannelKind::Matrix => {
                let server = server.ok_or_else(|| {
                    missing("a homeserver; give it with --server https://matrix.example.org")
                })?;
                let server = url("--server", "https://matrix.example.org", &server, allow_http)?;
                Self::Matrix { server, token: token()?, room: room(target)? }
            }
            ChannelKind::Mail => {
                let server = server.ok_or_else(|| {
                    missing(
                        "a mail server; give it with --server smtps://USER:PASSWORD@mail.example.org or DEVPROOF_NOTIFY_SERVER",
                    )
                })?;
                let from = from.ok_or_else(|| {
                    missing("a sender; give it with --from devproof@example.org or DEVPROOF_NOTIFY_FROM")
                })?;
                let server = crate::mail::server(&server, allow_http)?;
                Self::Mail {
                    server,
                    from: address("--from", from)?,
                    to: address("the target", target)?,
                }
            }
        })
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ChannelKind {
        match self {
            Self::Webhook { .. } => ChannelKind::Webhook,
            Self::Slack { .. } => ChannelKind::Slack,
            Self::Discord { .. } => ChannelKind::Discord,
            Self::Telegram { .. } => ChannelKind::Telegram,
            Self::Matrix { .. } => ChannelKind::Matrix,
            Self::Mail { .. } => ChannelKind::Mail,
        }
    }

    /// Where it leads, in words that hold no secret: of a URL no more than its server, since many have a key in their path.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Webhook { url, .. } | Self::Slack { url } | Self::Discord { url } => origin(url),
            Self::Telegram { server, chat, .. } => format!("chat {chat} at {}", origin(server)),
            Self::Matrix { server, room, .. } => format!("room {room} at {}", origin(server)),
            Self::Mail { server, from, to } => format!("{to} from {from} over {}", origin(server)),
        }
    }

    /// What a receiver checks signatures with, where letters are signed.
    #[must_use]
    pub fn signing_secret(&self) -> Option<&str> {
        match self {
            Self::Webhook { secret, .. } => Some(secret),
            _ => None,
        }
    }
}

/// A new secret, as the Standard Webhooks specification writes it.
fn secret() -> Result<String, ChannelError> {
    let mut bytes = [0; SECRET_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| ChannelError::NoRandom)?;
    Ok(format!("whsec_{}", STANDARD.encode(bytes)))
}

fn origin(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return "?".to_owned() };
    let host = url.host_str().unwrap_or("?");
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", url.scheme())
}

fn url(
    what: &'static str,
    example: &'static str,
    text: &str,
    allow_http: bool,
) -> Result<String, ChannelError> {
    let no_url = ChannelError::NoUrl { what, example };
    let url = Url::parse(text.trim()).map_err(|_| no_url.clone())?;
    if text.len() > MAX_TEXT || !url.has_host() {
        return Err(no_url);
    }
    match url.scheme() {
        "https" => Ok(url.into()),
        "http" if allow_http || is_here(&url) => Ok(url.into()),
        "http" => Err(ChannelError::Open { what, scheme: "https://" }),
        _ => Err(no_url),
    }
}

/// Whether a URL leads nowhere but to this machine.
pub(crate) fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn chat(text: String) -> Result<String, ChannelError> {
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let number =
        !digits.is_empty() && digits.len() < 20 && digits.bytes().all(|b| b.is_ascii_digit());
    let word = |name: &str| {
        (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let good = number || text.strip_prefix('@').is_some_and(word);
    let wrong = ChannelError::Malformed { what: "a chat", example: "-1001234567890 or @name" };
    good.then_some(text).ok_or(wrong)
}

fn room(text: String) -> Result<String, ChannelError> {
    let good =
        text.starts_with('!') && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_graphic());
    let example = "!opaque:example.org, as the settings of the room show it";
    good.then_some(text).ok_or(ChannelError::Malformed { what: "a room", example })
}

fn address(what: &'static str, text: String) -> Result<String, ChannelError> {
    let good = text.len() <= 320 && text.parse::<Mailbox>().is_ok();
    good.then_some(text).ok_or(ChannelError::Malformed { what, example: "somebody@example.org" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(target: &str) -> Given {
        Given { target: target.to_owned(), ..Given::default() }
    }

    #[test]
    fn secrets_are_new_each_time_and_shown_nowhere() {
        let make = || Channel::new(ChannelKind::Webhook, given("https://u:pw@a.example/key?k=1"));
        let (one, two) = (make().unwrap(), make().unwrap());
        let secret = one.signing_secret().unwrap();
        assert_ne!(one.signing_secret(), two.signing_secret());
        assert_eq!(STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
        assert_eq!(one.shown(), "https://a.example");
        assert_eq!(format!("{one:?}"), "webhook to https://a.example");
        let bot = Given {
            token: Some("12:ab".to_owned()),
            server: Some("http://127.0.0.1:99".to_owned()),
            ..given("@news")
        };
        assert!(!format!("{bot:?}").contains("12:ab"));
        let bot = Channel::new(ChannelKind::Telegram, bot).unwrap();
        assert_eq!(bot.shown(), "chat @news at http://127.0.0.1:99");
        let mail = Given {
            server: Some("smtps://me:pw@mail.example".to_owned()),
            from: Some("d@example.org".to_owned()),
            ..given("a@example.org")
        };
        let mail = Channel::new(ChannelKind::Mail, mail).unwrap();
        assert_eq!(mail.shown(), "a@example.org from d@example.org over smtps://mail.example");
    }

    #[test]
    fn what_will_not_do_is_refused_with_a_reason() {
        let why = |kind, given| Channel::new(kind, given).unwrap_err().to_string();
        use ChannelKind::{Mail, Matrix, Slack, Telegram, Webhook};
        let open = why(Webhook, given("http://example.org/"));
        assert!(open.contains("has to begin with https://"), "{open}");
        for here in ["http://127.0.0.1:8/", "http://localhost/", "http://[::1]/"] {
            assert!(Channel::new(Webhook, given(here)).is_ok(), "{here}");
        }
        let insecure = Given { allow_http: true, ..given("http://receiver/") };
        assert!(Channel::new(Webhook, insecure).is_ok());
        for no_url in ["", "example.org", "file:///etc/passwd", "ftp://a/"] {
            assert!(why(Slack, given(no_url)).contains("is a URL such as"), "{no_url}");
        }
        assert!(why(Telegram, given("1")).contains("needs a token"));
        let token = |text: &str| Given { token: Some(text.to_owned()), ..given("1 2") };
        assert!(why(Telegram, token("1:a/../x")).starts_with("a token looks like"));
        assert!(why(Telegram, token("1:a")).starts_with("a chat looks like"));
        assert!(why(Matrix, given("!a:b")).contains("needs a homeserver"));
        assert!(why(Mail, given("a@b.example")).contains("needs a mail server"));
        let mail = |server: &str, to: &str| Given {
            server: Some(server.to_owned()),
            from: Some("a@b.example".to_owned()),
            ..given(to)
        };
        assert!(why(Mail, mail("smtps://h", "a@b\r\nBcc: c@d")).contains("somebody@example.org"));
        assert!(why(Mail, mail("https://h", "a@b.example")).contains("smtps://"));
    }
}
