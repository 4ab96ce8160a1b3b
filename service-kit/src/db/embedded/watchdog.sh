# Makes the cluster where there is none, starts the server, and stops it when stdin ends: whoever holds
# the other end of that pipe keeps the server alive, and need not live to stop it.
# $1: the folder of the binaries  $2: the cluster's folder  $3: how to stop  $4: keep or remove
# $5: ports to try  $6: the superuser
# stderr is the locked file, so that the lock lasts until the server has stopped.
trap '' INT TERM HUP
bin=$1 mode=$3 at_end=$4 ports=$5 superuser=$6
cd "$2" || exit 1
: >server.log

logged() {
    "$@" </dev/null >>server.log 2>&1
}

make() {
    rm -rf data.unfinished
    logged "$bin/initdb" --pgdata=data.unfinished --username="$superuser" --pwfile=password \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync &&
        mv data.unfinished data
}

start() {
    cp postgresql.conf data/postgresql.conf
    for port in $ports; do
        if logged "$bin/pg_ctl" start -D data -l server.log -s -w -t 60 -o "-p $port"; then
            echo "$port"
            return 0
        fi
    done
    return 1
}

stop() {
    logged "$bin/pg_ctl" stop -D data -s -m "$1" -t 30
}

if [ -e data/postmaster.pid ]; then stop immediate; fi
if { [ -e data ] || make; } && start; then
    while read -r _; do :; done
    stop "$mode" || stop immediate
else
    echo failed
fi
if [ "$at_end" = remove ]; then
    cd / && rm -rf "$2"
fi
