//! JSON-RPC over HTTP, with an end to every answer.

use alloy::{
    rpc::json_rpc::{RequestPacket, ResponsePacket},
    transports::{
        TransportError, TransportErrorKind, TransportFut,
        http::reqwest::{Client, Url, header},
    },
};
use std::task::{Context, Poll};
use tower::Service;

/// The longest answer that is read, in bytes; a WebSocket of alloy's ends a message there as well. The logs of a full block are a
/// tenth of it, and a range with more is asked for in pieces.
const MAX_ANSWER: usize = 64 << 20;

/// As much memory as is taken for an answer because of what is said of its length, in bytes: a page of logs.
const FORESEEN: usize = 4 << 20;

/// As much of an answer that is none as is kept for its words, in bytes.
const MAX_WORDS: usize = 1 << 16;

/// Sends a request and reads what comes back. alloy's own transport does the same and reads whatever comes: a node that never ends
/// would fill the memory.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    client: Client,
    url: Url,
}

impl Post {
    /// To a URL.
    pub(crate) const fn new(client: Client, url: Url) -> Self {
        Self { client, url }
    }

    async fn ask(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let question = serde_json::to_vec(&request).map_err(TransportError::ser_err)?;
        let request = self.client.post(self.url).header(header::CONTENT_TYPE, "application/json");
        let answer = request.body(question).send().await;
        let mut answer = answer.map_err(TransportErrorKind::custom)?;
        let status = answer.status();
        let length = answer.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Vec::with_capacity(length.unwrap_or_default().min(FORESEEN));
        loop {
            let piece = match answer.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                // What it refuses with is known without the rest of its words.
                Err(_) if !status.is_success() => break,
                Err(error) => return Err(TransportErrorKind::custom(error)),
            };
            if body.len() + piece.len() > MAX_ANSWER {
                let why = format!("response too large: more than {MAX_ANSWER} bytes");
                return Err(TransportErrorKind::http_error(413, why));
            }
            body.extend_from_slice(&piece);
        }
        let words = |body: &[u8]| {
            let first = body.get(..MAX_WORDS).unwrap_or(body);
            String::from_utf8_lossy(first).into_owned()
        };
        match serde_json::from_slice::<ResponsePacket>(&body) {
            Ok(packet) if status.is_success() || packet.is_error() => Ok(packet),
            Err(error) if status.is_success() => {
                Err(TransportError::deser_err(error, words(&body)))
            }
            _ => Err(TransportErrorKind::http_error(status.as_u16(), words(&body))),
        }
    }
}

impl Service<RequestPacket> for Post {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().ask(request))
    }
}
