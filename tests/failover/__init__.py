"""What a program sees of a database that fails over, and whether anything acknowledged is lost.

    sudo python -m tests.failover                 everything, an hour
    sudo python -m tests.failover --kills 2       fewer kills
    sudo python -m tests.failover --by hosts --write    one of the two, and write its table down

Two PostgreSQL servers under Patroni, etcd, and two processes of authingo, once with both servers
in `database_url` and once behind HAProxy, are killed, switched over and cut off while people
sign up, sign in, refresh, sign out and revoke. What was acknowledged has to hold. With `--write`
it writes the tables in docs/high-availability.md.

It needs Linux and root, for network namespaces, and it ends everything it has started. Debian's
packages: etcd-server, patroni, haproxy, postgresql, iproute2. None of them needs to run as a
service.
"""
