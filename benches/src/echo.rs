//! The base of comparison: the least that a JSON API on actix-web can do.
//!
//! One route that parses a JSON body into a value and writes the value back, with as many workers
//! as there are cores unless told otherwise, which is also what actix-web does by itself.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::Value;

use crate::error::{BenchError, Doing};

/// The arguments of `echo`.
#[derive(clap::Args)]
pub(crate) struct EchoArgs {
    /// Address to listen on; port 0 takes any and prints it.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Threads that answer requests [default: one a core].
    #[arg(long)]
    workers: Option<NonZeroUsize>,
}

/// Serves until it is killed; prints the same line as `privd` once it is ready.
pub(crate) fn run(args: &EchoArgs) -> Result<(), BenchError> {
    let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let workers = args.workers.unwrap_or_else(cores).get();
    actix_rt::System::new()
        .block_on(async {
            let server = HttpServer::new(|| App::new().route("/echo", web::post().to(echo)))
                .workers(workers)
                .bind(args.listen)?;
            for address in server.addrs() {
                println!("listening on http://{address}");
            }
            server.run().await
        })
        .doing("serving the echo")
}

async fn echo(body: web::Json<Value>) -> HttpResponse {
    HttpResponse::Ok().json(body.into_inner())
}
