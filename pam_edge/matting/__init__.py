"""From any picture and its trimap to a cut-out."""
