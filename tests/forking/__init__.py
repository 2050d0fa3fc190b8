"""Starts processes of this project by a fork of one that has imported everything already.

Most of the time that a service or a command takes to start goes into imports. `process.start` returns a
process with an environment, a working directory and standard streams of its own, as `subprocess.Popen` does,
without that cost. The tests of how services start and stop, of `doorward up` and of the images execute the
programs as a user does.
"""
