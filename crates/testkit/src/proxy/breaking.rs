//! A way to a node that breaks off at one question.

use super::{cut, method};
use alloy::transports::http::reqwest::Client;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use eyre::Result;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The question: the node never hears of it, nor of any after it.
    Question,
    /// The answer: the node does what it was asked, and nobody hears of it, nor of anything after it.
    Answer,
    /// The answer, and then the way is there again.
    OneAnswer,
}

/// A proxy before a node, which breaks off. Cheap to clone; it ends with the runtime it was started on.
#[derive(Clone, Debug)]
pub struct BreakingProxy {
    url: String,
    behind: String,
    client: Client,
    most: usize,
    loss: Loss,
    asked: Arc<Mutex<Vec<String>>>,
}

impl BreakingProxy {
    /// Passes so many questions on, and loses something of the next one.
    ///
    /// # Errors
    /// If there is no port to listen at.
    pub async fn before(node: &str, most: usize, loss: Loss) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let proxy = Self {
            url: format!("http://{}", listener.local_addr()?),
            behind: node.to_owned(),
            client: Client::new(),
            most,
            loss,
            asked: Arc::default(),
        };
        let app = Router::new().route("/", post(answer)).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(proxy)
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was asked so far, by method.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.questions().clone()
    }

    /// The question at which it broke off, by method.
    #[must_use]
    pub fn broke_at(&self) -> Option<String> {
        self.questions().get(self.most).cloned()
    }

    fn questions(&self) -> MutexGuard<'_, Vec<String>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(proxy): State<BreakingProxy>, request: Bytes) -> Response {
    let asked = serde_json::from_slice(&request).unwrap_or(Value::Null);
    let name = match &asked {
        Value::Array(many) => many.iter().map(method).collect::<Vec<_>>().join(" "),
        one => method(one).to_owned(),
    };
    let number = {
        let mut questions = proxy.questions();
        questions.push(name);
        questions.len() - 1
    };
    let (is_it, is_later) = (number == proxy.most, number > proxy.most);
    if is_it && proxy.loss == Loss::Question || is_later && proxy.loss != Loss::OneAnswer {
        return cut(String::new());
    }
    let sent = proxy.client.post(&proxy.behind).header("content-type", "application/json");
    let answered = match sent.body(request).send().await {
        Ok(answer) => answer.bytes().await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(_) if is_it => cut(String::new()),
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
