"""Built-in scenarios: a small made-up internet, a day of its life, and an incident.

They use prefixes and AS numbers reserved for documentation only (RFC 5737, RFC 3849,
RFC 5398), but for the hijacker's private one and for an incident that is on public record.
Nothing else in bgptui knows of them: they come in as any feed does, as RIS Live frames, a VRP
file and a watchlist.
"""
