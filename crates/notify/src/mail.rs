//! Letters as mail, over SMTP.

use crate::{channel::ChannelError, channel::is_here, http::Outcome};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor, address::Envelope,
    message::Mailbox,
};
use reqwest::Url;
use std::time::Duration;
use tokio::time::timeout as within;

const EXAMPLE: &str = "smtps://USER:PASSWORD@mail.example.org or smtp://mail.example.org:587";

/// A server as it is kept: `smtps` is TLS from the beginning, `smtp` has to come to it by STARTTLS, except on this machine or
/// where somebody said that it need not.
pub(crate) fn server(text: &str, allow_open: bool) -> Result<String, ChannelError> {
    let wrong = ChannelError::NoUrl { what: "a mail server", example: EXAMPLE };
    let mut url = Url::parse(text.trim()).map_err(|_| wrong.clone())?;
    let good = text.len() <= 2_048
        && matches!(url.scheme(), "smtp" | "smtps")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.query().is_none();
    if !good {
        return Err(wrong);
    }
    if url.scheme() == "smtp" && !allow_open && !is_here(&url) {
        url.set_query(Some("tls=required"));
    }
    match transport(url.as_str()) {
        Ok(_) => Ok(url.into()),
        Err(_) => Err(wrong),
    }
}

fn transport(
    server: &str,
) -> Result<lettre::transport::smtp::AsyncSmtpTransportBuilder, lettre::transport::smtp::Error> {
    AsyncSmtpTransport::<Tokio1Executor>::from_url(server)
}

fn envelope(from: &str, to: &str) -> Option<Envelope> {
    let address = |text: &str| text.parse::<Mailbox>().ok().map(|it| it.email);
    let (from, to): (Address, Address) = (address(from)?, address(to)?);
    Envelope::new(Some(from), vec![to]).ok()
}

/// Hands a finished message to the server.
pub(crate) async fn send(
    (server, from, to): (&str, &str, &str),
    message: &[u8],
    patience: Duration,
) -> Outcome {
    let failed = |error: String| Outcome::Failed { error, retry_after: None };
    let Some(envelope) = envelope(from, to) else {
        return failed("the addresses cannot be read; add the subscription again".to_owned());
    };
    let transport = match transport(server) {
        Ok(builder) => builder.timeout(Some(patience)).build::<Tokio1Executor>(),
        Err(_) => {
            return failed("the mail server cannot be read; add the subscription again".to_owned());
        }
    };
    match within(patience, transport.send_raw(&envelope, message)).await {
        Ok(Ok(_)) => Outcome::Acknowledged,
        Ok(Err(error)) => failed(crate::http::clipped(&said(&error))),
        Err(_) => failed(format!("the mail server took longer than {} s", patience.as_secs())),
    }
}

fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    if let Some(source) = error.source() {
        let source = source.to_string();
        if !text.contains(&source) {
            text = format!("{text} ({source})");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_in_the_open() {
        let kept = |text| server(text, false);
        assert_eq!(kept("smtp://127.0.0.1:25").unwrap(), "smtp://127.0.0.1:25");
        assert_eq!(kept("smtp://h.example:587").unwrap(), "smtp://h.example:587?tls=required");
        assert_eq!(server("smtp://h.example:25", true).unwrap(), "smtp://h.example:25");
        assert_eq!(kept("smtps://u:p@h.example").unwrap(), "smtps://u:p@h.example");
        for wrong in ["h.example", "https://h", "smtp://h?tls=none", "smtp://", ""] {
            assert!(kept(wrong).is_err(), "{wrong}");
        }
    }
}
