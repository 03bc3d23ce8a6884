"""Runs a twin of the deployed product on this machine: the real template on an emulated AWS.

A twin talks to the HubSpot simulator, or to the real HubSpot.
"""
