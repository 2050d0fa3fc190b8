"""MCP sessions with several processes: a request of a session reaches the process that has it (RS-10).

Workers share the port, so any of them may accept a request. The session ids that clients see begin with the
name of a worker. A worker that accepts a request of another one's session passes the request on, over the
private Unix socket of the other one, and returns the response as it arrives. The other one serves it as if it
had come directly: it checks the token, the proof and the policy. The first one reads the body only if the
token is valid: anybody could send one. A worker that has ended has no socket, and
its sessions are unknown: clients get 404 and initialize again, as the specification says.

Replicas on other machines do the same at the port of the service. They find each other in the store that they
share, where each announces the names of its workers. The receiver at the URL of an announcement proves that
it is a replica before it gets tokens. A session is unknown only if its replica has ended: a connection that
breaks does not say so.

    session_names.py   session ids that name a worker; pure
    private_server.py  the private socket of a worker
    siblings.py        the connections to the other workers
    replicas.py        the connections to other replicas, and their announcements
    proof.py           the proof that the receiver at a URL is a replica
    unreachable.py     the responses while a process with a session does not answer
    worker.py          the application of one worker, in front of the actual one

Requests of revision 2026-07-28 belong to no session, and are served where they are accepted.
"""
