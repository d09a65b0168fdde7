import { Application, ReflectionKind } from "typedoc";

/**
 * Requires a doc comment on each property of an exported interface or class. TypeDoc's own rule would also ask for one on
 * the fields of inline types, which the comment of the property around them covers, and of types that a schema gives.
 */
export function load(app) {
  app.on(Application.EVENT_VALIDATE_PROJECT, (project) => {
    for (const property of project.getReflectionsByKind(ReflectionKind.Property)) {
      const isMember = property.parent?.kindOf(ReflectionKind.Interface | ReflectionKind.Class);
      if (isMember && !property.hasComment() && !property.flags.isExternal && !property.inheritedFrom)
        app.logger.validationWarning(`${property.getFullName()} has no doc comment`);
    }
  });
}
