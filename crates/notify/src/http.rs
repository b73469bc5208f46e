//! One attempt to send one letter.

use crate::{channel::Channel, mail, retry::retry_after};
use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url, header, redirect::Policy};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};
use std::time::Duration;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// Characters of what a receiver says that are kept.
const SAID: usize = 200;
/// Bytes of it that are read.
const READ: usize = 1_024;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has it.
    Acknowledged,
    /// It may not have it.
    Failed {
        /// What went wrong, without any secret.
        error: String,
        /// What the receiver asks for.
        retry_after: Option<Duration>,
    },
    /// Nothing is to be sent there any more.
    Gone {
        /// What it said.
        error: String,
    },
}

/// What sends letters.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    client: Client,
    timeout: Duration,
}

impl Transport {
    /// One that gives each attempt so much time.
    pub(crate) fn new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            // A redirect would have a letter sent to where nobody asked for it.
            .redirect(Policy::none())
            .connect_timeout(CONNECT.min(timeout))
            .timeout(timeout)
            .user_agent(concat!("devproof/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, timeout })
    }

    /// Sends a letter.
    pub(crate) async fn send(&self, channel: &Channel, id: &str, body: &[u8]) -> Outcome {
        if let Channel::Mail { server, from, to } = channel {
            return mail::send((server, from, to), body, self.timeout).await;
        }
        match self.request(channel, id, body) {
            Ok(request) => self.post(request).await,
            Err(error) => Outcome::Failed { error, retry_after: None },
        }
    }

    fn request(&self, channel: &Channel, id: &str, body: &[u8]) -> Result<RequestBuilder, String> {
        let broken = || "where it goes cannot be read; add the subscription again".to_owned();
        let parsed = |url: &str| Url::parse(url).map_err(|_| broken());
        let json = |method, url: Url| {
            self.client
                .request(method, url)
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_vec())
        };
        match channel {
            Channel::Webhook { url, secret } => {
                let time = Timestamp::now().as_second();
                let signature = sign(secret, id, time, body).ok_or_else(broken)?;
                Ok(json(Method::POST, parsed(url)?)
                    .header(HEADER_WEBHOOK_ID, id)
                    .header(HEADER_WEBHOOK_TIMESTAMP, time)
                    .header(HEADER_WEBHOOK_SIGNATURE, signature))
            }
            Channel::Slack { url } | Channel::Discord { url } => {
                Ok(json(Method::POST, parsed(url)?))
            }
            Channel::Telegram { server, token, .. } => {
                let bot = format!("bot{token}");
                Ok(json(
                    Method::POST,
                    beneath(parsed(server)?, &[&bot, "sendMessage"]).ok_or_else(broken)?,
                ))
            }
            Channel::Matrix { server, token, room } => {
                // The last part is the transaction: a homeserver takes each only once, whatever comes twice.
                let path = ["_matrix", "client", "v3", "rooms", room, "send", "m.room.message", id];
                let url = beneath(parsed(server)?, &path).ok_or_else(broken)?;
                Ok(json(Method::PUT, url).bearer_auth(token))
            }
            Channel::Mail { .. } => Err(broken()),
        }
    }

    async fn post(&self, request: RequestBuilder) -> Outcome {
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                return Outcome::Failed { error: self.in_words(error), retry_after: None };
            }
        };
        let status = response.status();
        // What else it says does not matter then.
        if status.is_success() {
            return Outcome::Acknowledged;
        }
        let asked = response.headers().get(header::RETRY_AFTER).and_then(|it| it.to_str().ok());
        let may_ask =
            matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let retry_after =
            asked.filter(|_| may_ask).and_then(|text| retry_after(text, Timestamp::now()));
        let mut said = Vec::new();
        while said.len() < READ
            && let Ok(Some(chunk)) = response.chunk().await
        {
            said.extend_from_slice(chunk.get(..READ.min(chunk.len())).unwrap_or_default());
        }
        let said = clipped(&String::from_utf8_lossy(&said));
        let said = if said.is_empty() { said } else { format!(": {said}") };
        let error = match status {
            _ if status.is_redirection() => {
                format!(
                    "it answered {status}; redirects are not followed, so add where it leads to"
                )
            }
            _ => format!("it answered {status}{said}"),
        };
        match status {
            StatusCode::GONE => Outcome::Gone { error },
            _ => Outcome::Failed { error, retry_after },
        }
    }

    /// Without the URL, which may hold a secret.
    fn in_words(&self, error: reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("no answer within {} s", self.timeout.as_secs_f64());
        }
        let what = if error.is_connect() { "no connection" } else { "the connection broke" };
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        clipped(&format!("{what} ({cause})"))
    }
}

/// A URL with more behind its path, each part escaped.
fn beneath(mut url: Url, parts: &[&str]) -> Option<Url> {
    url.path_segments_mut().ok()?.pop_if_empty().extend(parts);
    Some(url)
}

fn sign(secret: &str, id: &str, time: i64, body: &[u8]) -> Option<String> {
    Webhook::new(secret).ok()?.sign(id, time, body).ok()
}

/// What a stranger said, short and without anything but text.
pub(crate) fn clipped(text: &str) -> String {
    let plain = text.chars().map(|c| if crate::templates::is_plain(c) { c } else { ' ' });
    let words: String = plain.collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_is_signed_as_published() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(secret, id, 1_614_265_330, body).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_ne!(sign(secret, id, 1_614_265_331, body).unwrap(), signature);
        assert_ne!(sign(secret, "msg_x", 1_614_265_330, body).unwrap(), signature);
        assert_eq!(sign("whsec_*", id, 0, body), None);
    }

    #[test]
    fn parts_of_a_path_stay_what_they_are() {
        let url = beneath(Url::parse("https://h/base/").unwrap(), &["rooms", "!a/../b?c:d"]);
        assert_eq!(url.unwrap().as_str(), "https://h/base/rooms/!a%2F..%2Fb%3Fc:d");
    }

    #[test]
    fn what_strangers_say_is_short_plain_text() {
        assert_eq!(clipped("a\u{1b}[2J\r\n\u{202e}b"), "a [2J b");
        assert_eq!(clipped(&"x".repeat(999)).len(), SAID);
    }
}
