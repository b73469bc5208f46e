//! Asks a running app what it says about itself, and believes none of it: not its length, not where it points.

use crate::{Failure, text::shown};
use devproof_compose::{MAX_REPORT, SelfReport, SelfReportError};
use reqwest::{Client, Response, Url, redirect};
use std::time::Duration;

/// How long an answer may take, from the first byte asked to the last received.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a host may send us elsewhere on itself.
const MAX_REDIRECTS: usize = 3;

/// Whether a source is asked for over the network.
pub(super) fn is_url(source: &str) -> bool {
    source.starts_with("https://") || source.starts_with("http://")
}

/// What the app at a URL says, and the URL that said it. The root of a host is asked for its page, then for
/// `/prpc/Info`.
pub(super) async fn self_report(url: &str) -> Result<(SelfReport, String), Failure> {
    let url: Url =
        url.parse().map_err(|why| Failure::Usage(format!("{} is no URL ({why})", shown(url))))?;
    let client = Client::builder()
        .timeout(PATIENCE)
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::custom(on_the_same_host))
        .user_agent(concat!("devproof/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|why| Failure::CouldNotTell(format!("no request can be made ({why})")))?;
    let failed = |url: &Url, why: String| Failure::CouldNotTell(format!("{}: {why}", named(url)));
    let first = read(&client, &url).await;
    if let Ok(report) = first {
        return Ok((report, named(&url)));
    }
    let why = first.err().unwrap_or_default();
    let elsewhere = url.join("/prpc/Info").ok().filter(|_| url.path() == "/");
    let Some(info) = elsewhere else { return Err(failed(&url, why)) };
    match read(&client, &info).await {
        Ok(report) => Ok((report, named(&info))),
        Err(_) => Err(failed(&url, why)),
    }
}

/// The URL without a password that may stand in it, fit for a terminal.
fn named(url: &Url) -> String {
    let mut url = url.clone();
    // Fails only for URLs without a host, which have no password either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    shown(url.as_str())
}

fn on_the_same_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from = attempt.previous().last();
    let same = from.is_some_and(|from| {
        let downgraded = from.scheme() == "https" && attempt.url().scheme() != "https";
        from.host_str() == attempt.url().host_str() && !downgraded
    });
    if same && attempt.previous().len() <= MAX_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

async fn read(client: &Client, url: &Url) -> Result<SelfReport, String> {
    let response = client.get(url.clone()).send().await.map_err(|why| reason(&why))?;
    let status = response.status();
    if status.is_redirection() {
        return Err(
            "it sends us to another host, or around in circles; we do not follow".to_owned()
        );
    }
    if !status.is_success() {
        return Err(format!("it answers with {status}"));
    }
    let body = body(response).await?;
    SelfReport::read(&body).map_err(|why| why.to_string())
}

/// The body, which is dropped as soon as it is too long, whatever its length was said to be.
async fn body(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|why| reason(&why))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_REPORT {
            return Err(SelfReportError::TooLarge.to_string());
        }
    }
    Ok(body)
}

/// What went wrong, from the inside of an error, and without the URL, which may hold a password.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("it does not answer within {} s", PATIENCE.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("it cannot be asked ({})", shown(&cause.to_string()))
}
