"""What the modules CTVOnVulkan and SegmentEditorCTVFromText share. Only slicer_adapter.py knows Slicer, and inputs.py Qt."""
