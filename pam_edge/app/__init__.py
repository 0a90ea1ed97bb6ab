"""What the app-side runtimes decide, in Python: the reference that Swift, Kotlin and TypeScript are held to.

``runtimes/contract`` holds cases made from these modules and from ``pam_edge.matting``; all four languages run them.
"""
