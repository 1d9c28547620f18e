#!/usr/bin/env bash
# A real SLURM on this machine, for tests: no systemd, nothing left behind. Two nodes in the default partition, the
# first with a GPU to count (there is no need for a real one), and two in the partition `frail` for a test that takes
# one away. A job that holds more memory than it asked for is killed within a second.
#
#   slurm.sh install       Debian packages, where sbatch is not here yet
#   slurm.sh up            munged, slurmctld and one slurmd a node; returns when every node is idle
#   slurm.sh run COMMAND   up, the command, and down whatever became of it; ends as the command ended
#   slurm.sh fail NODE     the node dies as in a power cut: its slurmd and everything it runs are gone at once
#   slurm.sh start NODE    a dead node comes back
#   slurm.sh down          everything stops; configuration, key, spool and logs are deleted
#
# With CODESIGN_SLURM_ACCOUNTING=1 there is accounting too: slurmdbd and a MariaDB of its own, and who submits without
# the account `perovskites` or another one that is known is refused.
#
# All files are in one folder, $CODESIGN_SLURM (a folder in /tmp when unset), except one link: commands within a
# job look for /etc/slurm/slurm.conf whatever the environment says, because Snakemake's job steps start without
# the SLURM_ variables. The link is never put over another configuration and never outlives `down`: where a
# slurm.conf names a controller that does not answer, every start of Snakemake waits ten seconds for it.
set -euo pipefail

BASE=${CODESIGN_SLURM:-${TMPDIR:-/tmp}/codesign-slurm}
CONF=$BASE/slurm.conf
LINK=/etc/slurm/slurm.conf
MARK="# written by tests/cluster/slurm.sh"
NODES="n1 n2 f1 f2"
GPU_NODE=n1
CLUSTER=codesign-test
ACCOUNT=perovskites
ACCOUNTING=${CODESIGN_SLURM_ACCOUNTING:-0}
PROGRAMS="sbatch srun slurmctld slurmd munged"
PACKAGES="slurm-wlm munge"
if [ "$ACCOUNTING" = 1 ]; then
    PROGRAMS+=" slurmdbd mariadbd mariadb-install-db"
    PACKAGES+=" slurmdbd mariadb-server-core mariadb-client-core"
fi

refuse() {
    echo "slurm.sh: $*" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || refuse "'$1' needs root: it links $LINK and runs the daemons that start jobs"
}

# A process is stopped only if its number in our folder still belongs to a program of that name.
stop() { # signal, pid file, program
    local pid
    [ -s "$2" ] || return 0
    pid=$(cat "$2")
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$3" ]; then
        kill -s "$1" "$pid" 2>/dev/null || true
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
    fi
    rm -f "$2"
}

# Everything that runs on a node: the watchers of its jobs (a socket a job step in the node's spool folder names
# them), and what those started (the environment of every job names its node).
processes_of() { # node
    local socket step file
    for socket in "$BASE/spool/$1/$1"_*; do
        [ -S "$socket" ] || continue
        step=${socket##*/"$1"_}
        pgrep -f "^slurmstepd: \\[${step%%.*}\\." || true
    done
    for file in /proc/[0-9]*/environ; do
        if grep -qzx "SLURMD_NODENAME=$1" "$file" 2>/dev/null && grep -qzx "SLURM_CLUSTER_NAME=$CLUSTER" "$file" 2>/dev/null; then
            file=${file#/proc/}
            echo "${file%/environ}"
        fi
    done
}

start_node() { # node
    mkdir -p "$BASE/spool/$1"
    SLURM_CONF=$CONF slurmd -N "$1" # finds gres.conf beside it
}

installed() {
    local program
    for program in $PROGRAMS; do
        command -v "$program" >/dev/null || return 1
    done
}

all_idle() {
    [ "$(timeout 10 sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l)" -ge "$(wc -w <<<"$NODES")" ]
}

# Everything is stopped again where something does not come up within a minute.
wait_for() { # what is awaited, command that succeeds when it is there
    local what=$1 deadline=$((SECONDS + 60))
    shift
    while true; do
        "$@" >/dev/null 2>&1 && return 0
        [ "$SECONDS" -lt "$deadline" ] || break
        sleep 0.1
    done
    give_up "not up within a minute: $what"
}

give_up() { # why
    tail -n 20 "$BASE"/log/*.log >&2
    timeout 10 sinfo -N -l >&2 || true
    down
    refuse "$1; the logs are above"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

install() {
    installed && return 0
    command -v apt-get >/dev/null ||
        refuse "SLURM is not installed and there is no apt-get; install what gives these commands, then try again: $PROGRAMS"
    [ "$(id -u)" = 0 ] ||
        refuse "SLURM is not installed; as root: apt-get install $PACKAGES"
    echo "slurm.sh: installing with apt-get: $PACKAGES" >&2
    local packages how=(-q -y -o DPkg::Lock::Timeout=300 --no-install-recommends)
    read -r -a packages <<<"$PACKAGES"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install "${how[@]}" "${packages[@]}" >/dev/null 2>&1 ||
        { apt-get update -q && apt-get install "${how[@]}" "${packages[@]}"; } >&2 ||
        refuse "SLURM could not be installed: 'apt-get install $PACKAGES' failed, its words are above"
}

# MariaDB and slurmdbd. The database is reached through a socket in our folder, which only root may enter.
start_accounting() { # host
    local port
    export MYSQL_UNIX_PORT=$BASE/accounting/socket
    mkdir -p "$BASE/accounting"
    chmod 700 "$BASE/accounting"
    mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$BASE/accounting/data" \
        --auth-root-authentication-method=normal --skip-test-db >"$BASE/log/mariadb-install.log" 2>&1 ||
        give_up "the accounting database could not be made"
    mariadbd --no-defaults --user="$(id -un)" --datadir="$BASE/accounting/data" --socket="$MYSQL_UNIX_PORT" \
        --skip-networking --pid-file="$BASE/accounting/mariadb.pid" --innodb-lock-wait-timeout=900 \
        >"$BASE/log/mariadb.log" 2>&1 &
    wait_for "the accounting database" test -S "$MYSQL_UNIX_PORT"

    port=$(free_port)
    cat >"$BASE/slurmdbd.conf" <<CONF
DbdHost=$1
DbdAddr=127.0.0.1
DbdPort=$port
AuthType=auth/munge
AuthInfo=socket=$BASE/munge/socket
SlurmUser=$(id -un)
PidFile=$BASE/accounting/slurmdbd.pid
LogFile=$BASE/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=accounting
CONF
    chmod 600 "$BASE/slurmdbd.conf"
    SLURM_CONF=$CONF slurmdbd
    cat >>"$CONF" <<CONF
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$port
AccountingStoragePass=$BASE/munge/socket
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=associations
CONF
}

up() {
    need_root up
    installed ||
        refuse "SLURM is not installed; first: slurm.sh install"
    if [ -e "$LINK" ] && ! grep -qF "$MARK" "$LINK"; then
        refuse "$LINK is the configuration of a real cluster or of another test; nothing was started"
    fi
    [ -e "$LINK" ] || [ -L "$LINK" ] && down
    umask 022
    mkdir -p "$BASE"/{spool,state,log,munge} /etc/slurm

    # munge with a key and a socket of its own: one that the machine may have stays as it is
    dd if=/dev/urandom of="$BASE/munge/key" bs=1024 count=1 status=none
    chmod 600 "$BASE/munge/key"
    munged --force --socket="$BASE/munge/socket" --key-file="$BASE/munge/key" --pid-file="$BASE/munge/pid" \
        --seed-file="$BASE/munge/seed" --log-file="$BASE/munge/log"

    # Nodes are larger on paper than this machine, so that jobs ask for what they ask for on a cluster; a job
    # goes to the node with the least load, so that both are used. Jobs that ended stay visible to squeue for two
    # hours, accounting or not.
    local host port
    host=$(hostname -s)
    port=$(free_port)
    cat >"$CONF" <<CONF
$MARK
ClusterName=$CLUSTER
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
AuthType=auth/munge
AuthInfo=socket=$BASE/munge/socket
CredType=cred/munge
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPidFile=$BASE/slurmctld.pid
SlurmctldLogFile=$BASE/log/slurmctld.log
SlurmdPidFile=$BASE/slurmd-%n.pid
SlurmdLogFile=$BASE/log/slurmd-%n.log
SlurmdSpoolDir=$BASE/spool/%n
StateSaveLocation=$BASE/state
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=UsePss,OverMemoryKill
GresTypes=gpu
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory,CR_LLN
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,defer_batch=0
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
KillWait=2
MinJobAge=7200
CONF
    echo "NodeName=$GPU_NODE Name=gpu File=/dev/null" >"$BASE/gres.conf" # any file: SLURM counts it and looks no closer
    local node gpu
    for node in $NODES; do
        port=$(free_port)
        gpu=
        [ "$node" = "$GPU_NODE" ] && gpu="Gres=gpu:1 "
        echo "NodeName=$node NodeHostname=$host NodeAddr=127.0.0.1 Port=$port CPUs=8 RealMemory=64000 ${gpu}State=UNKNOWN"
    done >>"$CONF"
    cat >>"$CONF" <<CONF
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
PartitionName=frail Nodes=f1,f2 Default=NO MaxTime=INFINITE State=UP
CONF
    if [ "$ACCOUNTING" = 1 ]; then start_accounting "$host"; fi
    ln -sfn "$CONF" "$LINK"

    if [ "$ACCOUNTING" = 1 ]; then
        wait_for "slurmdbd" timeout 10 sacctmgr -n list cluster
        sacctmgr -i add cluster "$CLUSTER" >/dev/null
    fi
    SLURM_CONF=$CONF slurmctld -c
    for node in $NODES; do start_node "$node"; done
    wait_for "the nodes" all_idle
    if [ "$ACCOUNTING" = 1 ]; then
        sacctmgr -i add account "$ACCOUNT" Description=tests Organization=tests >/dev/null
        sacctmgr -i add user "$(id -un)" Account="$ACCOUNT" >/dev/null
    fi
    sinfo -N
}

fail() { # node
    local pid
    # its daemon first, so that nothing is reported any more; then everything else, until nothing is left
    stop KILL "$BASE/slurmd-$1.pid" slurmd
    for _ in 1 2 3; do
        for pid in $(processes_of "$1"); do kill -s KILL "$pid" 2>/dev/null || true; done
    done
}

down() {
    need_root down
    local node
    if [ -s "$BASE/slurmctld.pid" ]; then
        timeout 10 scancel --quiet --user="$(id -un)" 2>/dev/null || true
        for _ in $(seq 50); do
            [ -z "$(timeout 5 squeue -h 2>/dev/null)" ] && break
            sleep 0.1
        done
    fi
    for node in $NODES; do fail "$node"; done # nothing that a job started outlives it
    stop TERM "$BASE/slurmctld.pid" slurmctld
    stop TERM "$BASE/accounting/slurmdbd.pid" slurmdbd
    stop TERM "$BASE/accounting/mariadb.pid" mariadbd
    stop TERM "$BASE/munge/pid" munged
    if [ -L "$LINK" ] && [ "$(readlink "$LINK")" = "$CONF" ]; then rm -f "$LINK"; fi
    rm -rf "$BASE"
}

case ${1:-} in
install | up | down) "$1" ;;
fail) fail "${2:?which node}" ;;
start) start_node "${2:?which node}" ;;
run)
    trap down EXIT
    up
    shift
    "$@"
    ;;
*) refuse "usage: slurm.sh install | up | run COMMAND | fail NODE | start NODE | down" ;;
esac
