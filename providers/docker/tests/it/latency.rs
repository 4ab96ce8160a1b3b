//! The cost of an instance at the engine: the number of calls, and the engine's share of the time. The times are
//! printed (`cargo test -p provider-docker --test it latency -- --nocapture`) and not asserted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_pool_core::Redeploy;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Instant;

use crate::podman::Podman;
use crate::support::{World, build, context};

const INSTANCES: usize = 5;

/// Calls that the engine answered, and the time until its first byte of each answer.
#[derive(Debug, Default, Clone, Copy)]
struct Share {
    calls: usize,
    time: Duration,
}

type Shared = Arc<Mutex<(Share, Option<Instant>)>>;

/// Forwards to the engine, and measures its share. The provider sends one request at a time.
async fn measure(listener: UnixListener, engine: std::path::PathBuf, share: Shared) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(engine) = UnixStream::connect(&engine).await else {
            return;
        };
        let (from_client, to_client) = client.into_split();
        let (from_engine, to_engine) = engine.into_split();
        let (asked, answered) = (Arc::clone(&share), Arc::clone(&share));
        tokio::spawn(copy(from_client, to_engine, move || {
            asked.lock().unwrap().1.get_or_insert_with(Instant::now);
        }));
        tokio::spawn(copy(from_engine, to_client, move || {
            let mut share = answered.lock().unwrap();
            if let Some(since) = share.1.take() {
                share.0.calls += 1;
                share.0.time += since.elapsed();
            }
        }));
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    seen: impl Fn(),
) -> std::io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        seen();
        to.write_all(&buffer[..length]).await?;
    }
}

/// One operation of each instance: its time, with the engine's share.
#[derive(Default)]
struct Column {
    times: Vec<(Duration, Share)>,
}

impl Column {
    async fn add<T>(&mut self, share: &Shared, work: impl Future<Output = T>) -> T {
        let (before, start) = (share.lock().unwrap().0, Instant::now());
        let done = work.await;
        let (took, after) = (start.elapsed(), share.lock().unwrap().0);
        let own = Share {
            calls: after.calls - before.calls,
            time: after.time - before.time,
        };
        self.times.push((took, own));
        done
    }

    /// Prints the medians, and returns the maximum number of calls.
    fn print(&mut self, what: &str) -> usize {
        self.times.sort_by_key(|(took, _)| *took);
        let (took, share) = self.times[self.times.len() / 2];
        let calls = self.times.iter().map(|(_, share)| share.calls).max();
        let (took, engine) = (took.as_millis(), share.time.as_millis());
        eprintln!(
            "{what:<10} {took:>6} ms, of which the engine {engine:>6} ms in {} calls",
            share.calls
        );
        calls.unwrap_or_default()
    }
}

#[tokio::test]
async fn an_instance_costs_few_calls_of_the_engine() {
    let Some(podman) = Podman::start().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let share = Shared::default();
    tokio::spawn(measure(listener, podman.socket(), Arc::clone(&share)));
    let host = format!("unix://{}", socket.display());
    let docker = build(&podman, &[("DOCKER_HOST", &host)]);
    let world = World {
        podman,
        docker,
        cx: context(),
    };
    let [mut create, mut start, mut ready, mut list, mut destroy] =
        std::array::from_fn(|_| Column::default());
    for _ in 0..INSTANCES {
        let created = create.add(&share, world.create()).await;
        let started = world.configure(&created, &[("A", "1")], Redeploy::Yes);
        start.add(&share, started).await.unwrap();
        ready.add(&share, world.healthy(&created)).await;
        let listed = list.add(&share, world.docker.list(&world.cx)).await;
        assert_eq!(listed.unwrap().len(), 1);
        let destroyed = world.docker.destroy(&world.cx, &created.handle);
        destroy.add(&share, destroyed).await.unwrap();
    }
    let calls = [
        create.print("create"),
        start.print("start"),
        ready.print("ready"),
        list.print("list"),
        destroy.print("destroy"),
    ];
    assert_eq!(calls[2], 0, "nobody asks the engine whether it is ready");
    let total: usize = calls.iter().sum();
    assert!(total <= 30, "{calls:?} calls for one instance");
}
