//! An answer belongs to its question.

use crate::post::Post;
use alloy::{
    rpc::json_rpc::{Id, RequestPacket, ResponsePacket},
    transports::{TransportError, TransportErrorKind, TransportFut},
};
use std::task::{Context, Poll};
use tower::Service;

/// HTTP, where the answer to another question counts as none: a proxy that mixes up its callers would pass off one
/// block as another, or one contract's code as another's.
#[derive(Clone, Debug)]
pub(crate) struct Matching(pub(crate) Post);

impl Service<RequestPacket> for Matching {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        let asked: Vec<Id> = request.requests().iter().map(|one| one.id().clone()).collect();
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            let fits = answer.responses().iter().all(|one| {
                // Who could not read the question, or did not try to, says so under no id.
                asked.contains(&one.id) || (one.id == Id::None && one.is_error())
            });
            if fits {
                Ok(answer)
            } else {
                Err(TransportErrorKind::custom_str("it answered another question"))
            }
        })
    }
}
