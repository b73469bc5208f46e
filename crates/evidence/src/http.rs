//! Asks others over HTTP, and believes none of it: not how long an answer is, not what kind it says it is, not where it
//! points, not that it will ever end.

use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use std::{path::Path, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};

/// How often a host may send us elsewhere on itself, where we follow at all.
const MAX_REDIRECTS: usize = 3;

/// What a client bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a connection may take.
    pub connect: Duration,
    /// How long everything may take, from the first attempt to the last byte of the last answer.
    pub total: Duration,
    /// Bytes of an answer.
    pub body: usize,
    /// How often somebody who is not there, too busy, or broken is asked again.
    pub retries: u32,
    /// The pause before that, more or less; each further one is twice as long.
    pub pause: Duration,
    /// Whether an answer may point elsewhere on the same host.
    pub follow: bool,
}

impl Limits {
    /// For services: they answer where they are asked.
    #[must_use]
    pub const fn of_services() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(15),
            body: 1 << 20,
            retries: 2,
            pause: Duration::from_millis(300),
            follow: false,
        }
    }

    /// For machines that are asked for evidence.
    #[must_use]
    pub const fn of_machines() -> Self {
        Self {
            body: devproof_attestation::limits::DOCUMENT,
            follow: true,
            total: Duration::from_secs(30),
            ..Self::of_services()
        }
    }
}

/// Why somebody could not be asked, in a sentence without a full stop. None of them has a URL in it, which could hold a
/// password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The text is no URL of a kind that is asked.
    #[error("{0:?} is no URL that starts with http:// or https://")]
    BadUrl(String),
    /// Nobody answers.
    #[error("it cannot be reached ({0})")]
    Unreachable(String),
    /// The answer did not end in time.
    #[error("it does not answer within {0} s")]
    TooSlow(u64),
    /// The answer is longer than such an answer may be.
    #[error("it answers with more than {0} bytes")]
    TooLong(usize),
    /// It points to another host, or in circles.
    #[error("it points to another host, or in circles, and is not followed")]
    Redirected,
    /// Another status than 200.
    #[error("it answers with HTTP status {0}")]
    Status(u16),
    /// The status is 200, and what came is not what such an answer has.
    #[error("its answer makes no sense: {0}")]
    Nonsense(String),
}

/// An answer of any status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers. The type of the content is not looked at: what it is, its bytes say.
    pub headers: HeaderMap,
    /// The body, whole and within the limit.
    pub body: Vec<u8>,
}

impl Answer {
    /// The answer, if its status is 200.
    ///
    /// # Errors
    /// [`HttpError::Status`] with any other.
    pub fn ok(self) -> Result<Self, HttpError> {
        if self.status == 200 { Ok(self) } else { Err(HttpError::Status(self.status)) }
    }
}

/// A client with limits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    limits: Limits,
}

impl Http {
    /// A client that asks hosts.
    ///
    /// # Errors
    /// [`HttpError::Unreachable`] if no request can be made on this machine.
    pub fn new(limits: Limits) -> Result<Self, HttpError> {
        Self::with(limits, None)
    }

    /// A client that asks whoever listens on a Unix socket of this machine, whatever the URL's host.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn on_socket(path: &Path, limits: Limits) -> Result<Self, HttpError> {
        Self::with(limits, Some(path))
    }

    fn with(limits: Limits, socket: Option<&Path>) -> Result<Self, HttpError> {
        let policy = if limits.follow {
            redirect::Policy::custom(on_the_same_host)
        } else {
            redirect::Policy::none()
        };
        let builder = Client::builder()
            .connect_timeout(limits.connect)
            .redirect(policy)
            .user_agent(concat!("devproof/", env!("CARGO_PKG_VERSION")));
        let builder = match socket {
            #[cfg(unix)]
            Some(path) => builder.unix_socket(path),
            #[cfg(not(unix))]
            Some(_) => return Err(HttpError::Unreachable("no Unix sockets here".to_owned())),
            None => builder,
        };
        let client = builder.build().map_err(|e| HttpError::Unreachable(cause(&e)))?;
        Ok(Self { client, limits })
    }

    /// Gets what stands at a URL.
    ///
    /// # Errors
    /// [`HttpError`]; another status than 200 is none.
    pub async fn get(&self, url: &str) -> Result<Answer, HttpError> {
        self.ask(Method::GET, url, &[], None).await
    }

    /// Gets what stands at a URL, with headers of the request. What is in them is not logged.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn get_with(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Answer, HttpError> {
        self.ask(Method::GET, url, headers, None).await
    }

    /// Posts JSON to a URL.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn post(&self, url: &str, json: String) -> Result<Answer, HttpError> {
        self.ask(Method::POST, url, &[], Some(json)).await
    }

    /// Asks until somebody answers who is not merely busy or broken; all of it before one deadline.
    async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
        json: Option<String>,
    ) -> Result<Answer, HttpError> {
        let url = parse(url)?;
        let Limits { total, retries, mut pause, .. } = self.limits;
        let deadline = Instant::now() + total;
        let too_slow = |_| HttpError::TooSlow(total.as_secs());
        for attempt in 0.. {
            let mut request = self.client.request(method.clone(), url.clone());
            for (name, value) in headers {
                request = request.header(name.clone(), value.clone());
            }
            if let Some(json) = &json {
                request = request.header("content-type", "application/json").body(json.clone());
            }
            let answer = timeout_at(deadline, self.once(request)).await.map_err(too_slow)?;
            let again = match &answer {
                Ok(answer) => answer.status == 429 || answer.status >= 500,
                Err(error) => matches!(error, HttpError::Unreachable(_)),
            };
            if !again || attempt >= retries {
                return answer;
            }
            let jitter = pause.mul_f32(0.5 + fastrand::f32());
            if timeout_at(deadline, sleep(jitter)).await.is_err() {
                return answer;
            }
            pause *= 2;
        }
        // The loop above has no other end.
        Err(HttpError::TooSlow(total.as_secs()))
    }

    async fn once(&self, request: RequestBuilder) -> Result<Answer, HttpError> {
        let response = request.send().await.map_err(|e| reason(&e))?;
        let status = response.status();
        if self.limits.follow && status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(HttpError::Redirected);
        }
        let headers = response.headers().clone();
        let body = body(response, self.limits.body).await?;
        Ok(Answer { status: status.as_u16(), headers, body })
    }
}

/// The body, dropped as soon as it is too long, whatever its length was said to be.
async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| reason(&e))? {
        if body.len().saturating_add(chunk.len()) > most {
            return Err(HttpError::TooLong(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A URL that is asked at all.
pub(crate) fn parse(url: &str) -> Result<Url, HttpError> {
    let bad = || HttpError::BadUrl(url.chars().take(200).collect());
    let parsed: Url = url.parse().map_err(|_| bad())?;
    let asked = matches!(parsed.scheme(), "http" | "https") && parsed.has_host();
    if asked { Ok(parsed) } else { Err(bad()) }
}

/// A URL without a password and without what stands behind a question mark, to name whoever said something.
#[must_use]
pub fn named(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return String::new() };
    // Fails only for URLs without a host, which have no password either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

fn on_the_same_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from = attempt.previous().last();
    let same = from.is_some_and(|from| {
        let to = attempt.url();
        let downgraded = from.scheme() == "https" && to.scheme() != "https";
        from.host_str() == to.host_str() && !downgraded
    });
    if same && attempt.previous().len() <= MAX_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

fn reason(error: &reqwest::Error) -> HttpError {
    HttpError::Unreachable(cause(error))
}

/// The innermost cause, which has no URL in it, fit to be shown.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}
